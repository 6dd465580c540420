"""How a Recording lies in an artifact: Zarr arrays for spikes and counts, Parquet for units and trials."""

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Recording, TimeSeries
from resources.artifact import Artifact, Draft

SPIKES_PER_CHUNK = 1 << 20


def write_recording(draft: Draft, recording: Recording) -> None:
    """Fill a draft with a recording in standard form; the same recording gives the same bytes."""
    draft.table("units", recording.units)
    if recording.trials is not None:
        draft.table("trials", recording.trials)
    if recording.epochs is not None:
        draft.table("epochs", recording.epochs)
    if recording.spikes is not None:
        chunk = min(SPIKES_PER_CHUNK, max(1, len(recording.spikes.times)))
        draft.array("times", recording.spikes.times, chunks=(chunk,))
        draft.array("offsets", recording.spikes.offsets)
    if recording.counts is not None:
        published = recording.counts
        attributes = {"bin_width": published.bin_width, "start": published.start}
        draft.array("counts", published.counts, attributes=attributes)
    for name, series in recording.behaviour.items():
        draft.array(f"behaviour/{name}/times", series.times)
        draft.array(f"behaviour/{name}/values", series.values, attributes={"columns": list(series.columns)})
    for name, values in recording.truth.items():
        draft.array(f"truth/{name}", np.asarray(values))
    draft.metadata |= {"n_units": len(recording.units)}
    if recording.trials is not None:
        draft.metadata["n_trials"] = len(recording.trials)
    if recording.spikes is not None:
        draft.metadata["n_spikes"] = len(recording.spikes.times)


def published_counts(artifact: Artifact):
    """The Zarr array of counts that were published binned, or None when the recording holds spike times."""
    return artifact.arrays.get("counts")


def read_behaviour(artifact: Artifact, name: str) -> TimeSeries:
    """A behavioural series of a recording."""
    known = sorted(artifact.arrays["behaviour"].group_keys()) if "behaviour" in artifact.arrays else []
    if name not in known:
        raise BadInput(f"no behavioural series is called {name!r}; the recording has {', '.join(known) or 'none'}")
    group = artifact.arrays[f"behaviour/{name}"]
    return TimeSeries(group["times"][:], group["values"][:], tuple(group["values"].attrs.get("columns", ())))

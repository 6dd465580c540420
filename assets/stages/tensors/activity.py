"""activity: the source of spikes, events or signals that a session has chosen. It has no bytes of its own.

It points at the chosen artifact and takes its data version, so that what lies below reruns only when that changes.
"""

from typing import Any

from assets.stages.sessions import DEFAULT_SOURCE, has_activity
from neuropipe import calcium, fields
from neuropipe.catalog import DatasetEntry
from neuropipe.schemas import Activity
from resources.store.stage import Input, Stage, StageConfig

SOURCES = (
    "recording",
    *(f"events/{name}" for name in calcium.available()),
    *(f"features/{name}" for name in fields.available()),
)


class ActivityConfig(StageConfig):
    """source : the asset whose spikes, counts, events or signals are binned, e.g. `events/learned`."""

    source: str


def _settings(dataset: DatasetEntry) -> dict[str, Any]:
    return {"source": DEFAULT_SOURCE.get(dataset.modality, "recording")}


def _source(config: ActivityConfig) -> str:
    return config.source


activity = Stage(
    name="activity",
    function=_source,
    group="tensors",
    kinds=("zarr",),
    description="The source of spikes, events or signals that the session has chosen: its recording, the events that a "
    "deconvolver found, or features of its signals. It is that artifact, under another name: set `activity.source` to "
    "choose another.",
    inputs={source.replace("/", "_"): Input(source, Activity, True) for source in SOURCES},
    config=ActivityConfig,
    settings=_settings,
    applies_to=has_activity,
    choose=_source,
)

STAGES = [activity]

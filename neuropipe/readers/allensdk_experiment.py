"""Reads what allensdk read of a two-photon experiment: the .npz that its own environment writes.

That is made by resources/allen/export.py from a BrainObservatoryNwbDataSet; see docs/archives.md.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.readers.allen_experiment import AllenExperiment
from neuropipe.readers.allen_session import numbers_in
from neuropipe.readers.allensdk_files import arrays_of
from neuropipe.readers.arrays import only_file
from neuropipe.recording import Recording, TimeSeries
from neuropipe.registry import reader


@reader("allensdk_experiment", tools=())
def read(files: Mapping[str, Path], *, stimulus: str = "natural_scenes", blank: bool = False) -> Recording:
    """The same Recording as reader allen_ophys makes of the NWB file.

    stimulus, blank : as there
    """
    path = only_file(files, "what allensdk read of an experiment (.npz)")
    held = arrays_of(path, ("units", "traces", "presentations"), optional=("running",))
    shown, running = held["presentations"], held["running"]
    labels = {key: numbers_in(values) for key, values in shown.items() if key not in ("stimulus_name", "repeat")}
    experiment = AllenExperiment(
        units=pd.DataFrame({key: held["units"][key] for key in ("cell_specimen_id", "roi_id")}),
        dff=held["traces"]["dff"],
        frame_times=held["traces"]["frame_times"].astype(np.float64),
        presentations=pd.DataFrame({"stimulus_name": shown["stimulus_name"], **labels}),
        running=TimeSeries(running["times"], running["speed"]) if running else None,
    )
    return experiment.recording(stimulus, blank=blank)

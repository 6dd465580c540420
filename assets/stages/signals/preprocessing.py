"""preprocessing: the channels of raw voltage judged, and the motion of its probe estimated. No voltage is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from assets.stages.sessions import is_voltage
from neuropipe.plots import voltage as plots
from neuropipe.schemas import Check, Preprocessing, Recording
from neuropipe.sorting import preprocessing as library
from resources.store.stage import StageConfig, stage

SHOWN = 0.25  # s of voltage in a plot


class PreprocessingConfig(StageConfig):
    """freq_min, freq_max : Hz; reference, motion, least_motion (um) : as in neuropipe.sorting.preprocessing."""

    freq_min: float = Field(150.0, gt=0)
    freq_max: float = Field(7000.0, gt=0)
    reference: Literal["median", "none"] = "median"
    motion: str = "dredge_fast"
    least_motion: float = Field(6.0, ge=0)
    seed: int = Field(0, ge=0)


def _plots(made: Preprocessing, recording: Recording) -> dict[str, Any]:
    drawn = {"channels": plots.channels(made.channels)}
    if made.motion.shape[0] > 1:
        true = None
        if "motion" in recording.truth:
            true = recording.truth["motion_times"][:], recording.truth["motion"][:]
        drawn["motion"] = plots.motion(
            made.motion_times[:], made.motion_depths[:], made.motion[:], true, corrected=made.settings["corrected"]
        )
    return drawn


@stage(
    group="signals",
    kinds=("spikeinterface",),
    applies_to=is_voltage,
    tools=("spikeinterface", "probeinterface", "scipy", "numba", "torch"),
    isolated=True,
    checks={"channels_left": "At least half of the channels can be sorted."},
    plots=_plots,
)
def preprocessing(config: PreprocessingConfig, recording: Recording, files: Mapping[str, Path]) -> Preprocessing:
    """How voltage is made ready for sorting: dead, noisy and saturated channels, and the motion of the probe.

    Filter, reference and motion correction are computed as voltage is read, wherever it is needed.
    """
    from dataclasses import replace

    settings = config.model_dump()
    seed = settings.pop("seed")
    voltage = recording.raw_voltage(files)
    prepared = library.prepare(voltage, library.Preprocessing(**settings), seed=seed)
    made = Preprocessing.of(prepared, voltage.channels)
    bad = int((prepared.bad != "").sum())
    check = Check(bad * 2 <= len(prepared.bad), f"{bad} of {len(prepared.bad)} channels are left out", warn=True)
    return replace(made, checks={"channels_left": check})


STAGES = [preprocessing]

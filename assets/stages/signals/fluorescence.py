"""fluorescence: dF/F of the cells that suite2p finds in a movie; and how many of the true cells, where known."""

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, create_model, model_validator

from assets.stages.sessions import is_movie
from neuropipe.calcium.baseline import delta_f_over_f, subtract_neuropil
from neuropipe.calcium.footprints import Footprints
from neuropipe.calcium.frame_file import bytes_needed
from neuropipe.calcium.matching import Matching, match_cells, reference_offset
from neuropipe.calcium.preprocessing import noise_level
from neuropipe.calcium.suite2p_extraction import Extracted, extract
from neuropipe.calcium.suite2p_settings import Suite2pSettings
from neuropipe.errors import BadInput
from neuropipe.plots import movies
from neuropipe.recording import SpikeTrains
from neuropipe.schemas import Check, Fluorescence, Recording
from resources.files.disk import need_disk
from resources.store.stage import StageConfig, stage

AT_ONCE = 64  # ROIs

_OF_SUITE2P = {field.name: (field.type, field.default) for field in fields(Suite2pSettings)}


class FluorescenceConfig(create_model("_OfSuite2p", __base__=StageConfig, **_OF_SUITE2P)):
    """The settings of `Suite2pSettings`; neuropil : how much of it is subtracted; window (s), quantile : of the
    running baseline that dF/F is relative to."""

    neuropil: float = Field(0.7, ge=0)
    window: float = Field(60.0, gt=0)
    quantile: float = Field(0.08, ge=0, le=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.of_suite2p()
        return self

    def of_suite2p(self) -> Suite2pSettings:
        return Suite2pSettings(**{name: getattr(self, name) for name in _OF_SUITE2P})


def _plots(made: Fluorescence, recording: Recording) -> dict[str, Any]:
    shape = tuple(made.mean_image.shape)
    found = Footprints(made.roi_pixels[:], made.roi_weights[:], made.roi_offsets[:], shape)
    drawn: dict[str, Any] = {"rois": {}, "shifts": None}
    if "cell" in made.units:
        offset, _ = _offset(recording.truth, made.shifts[:])
        true = true_footprints(recording.truth, shape).moved(*np.round(offset).astype(int))
        known = recording.truth["shifts"][:] - offset if "shifts" in recording.truth else None
        drawn = {"rois": {"true": true, "cell": made.units["cell"].to_numpy()}, "shifts": known}
    return {
        "rois": movies.rois(made.mean_image[:], found, **drawn["rois"]),
        "shifts": movies.shifts(made.frame_times[:], made.shifts[:], drawn["shifts"]),
    }


@stage(
    group="signals",
    kinds=("zarr", "suite2p"),
    applies_to=is_movie,
    tools=("scipy", "torch", "suite2p"),
    isolated=True,
    checks={"dff_finite": "Every ROI has dF/F in every frame."},
    plots=_plots,
)
def fluorescence(config: FluorescenceConfig, recording: Recording, scratch: Path, log: Any) -> Fluorescence:
    """dF/F of the cells of a movie: registered, found and extracted by suite2p, neuropil taken off, relative to a
    running quantile. Where the true cells are known, each ROI is matched to one, whose spikes are then the ROI's."""
    movie = recording.frames
    frame_times, frame_rate = movie.frame_times, movie.frame_rate
    need_disk(scratch, bytes_needed(movie.frames.shape), "the registered copy of the movie")
    with tempfile.TemporaryDirectory(dir=scratch, prefix="frames-") as folder:
        found = extract(movie.frames, frame_rate, Path(folder), config.of_suite2p(), log.info)
    dff = _relative(found, frame_rate, config)
    bright = np.flatnonzero(np.isfinite(dff).all(axis=0))
    if len(bright) == 0:
        raise BadInput(
            f"none of {dff.shape[1]} ROIs is brighter than {config.neuropil:g} x its neuropil, so none has dF/F; lower "
            "fluorescence.neuropil"
        )
    dff, footprints = np.ascontiguousarray(dff[:, bright]), found.footprints.only(bright)
    dim = found.fluorescence.shape[1] - len(bright)
    facts: dict[str, Any] = {
        "rois": len(bright),
        "left_out_as_dim": dim,
        "frames": len(dff),
        "frame_rate": round(frame_rate, 3),
        "largest_shift": round(float(np.abs(found.shifts - np.median(found.shifts, axis=0)).max()), 2),
    }
    units, truth = _table(dff, footprints), {}
    if "footprint_pixels" in recording.truth:
        offset, error = _offset(recording.truth, found.shifts)
        true = true_footprints(recording.truth, footprints.shape).moved(*np.round(offset).astype(int))
        matching = match_cells(footprints, true)
        units = units.assign(cell=matching.cell, overlap=matching.alike)
        truth = _spikes_of_rois(matching, recording.truth)
        facts |= {
            "true_cells": len(true),
            "found_fraction": round(matching.found_fraction, 4),
            "precision": round(matching.precision, 4),
            **({"shift_error": round(error, 3)} if error is not None else {}),
        }
    return Fluorescence(
        units=units,
        dff=dff,
        frame_times=frame_times,
        shifts=found.shifts,
        mean_image=found.mean_image,
        roi_pixels=footprints.pixels,
        roi_weights=footprints.weights,
        roi_offsets=footprints.offsets,
        truth=truth,
        facts=facts,
        checks={"dff_finite": Check(bool(np.isfinite(dff).all()), facts={"left_out_as_dim": dim})},
    )


def _offset(truth: Any, shifts: np.ndarray) -> tuple[np.ndarray, float | None]:
    """(y, x) px from the true frame of reference to the one found, and the error of the shifts, px rms.

    Where true shifts are not known, cells were outlined on the movie as it is: there is no offset.
    """
    if "shifts" not in truth:
        return np.zeros(2), None
    return reference_offset(truth["shifts"][:], shifts)


def true_footprints(truth: Any, shape: tuple[int, int]) -> Footprints:
    """Where the true cells of a movie lie."""
    return Footprints(*(truth[f"footprint_{name}"][:] for name in ("pixels", "weights", "offsets")), shape)


def _relative(found: Extracted, frame_rate: float, config: FluorescenceConfig) -> np.ndarray:
    """dF/F (time, unit) float32, a few ROIs at a time; NaN for those that are dimmer than their neuropil."""
    dff = np.empty(found.fluorescence.shape, np.float32)
    for first in range(0, dff.shape[1], AT_ONCE):
        some = slice(first, first + AT_ONCE)
        own = subtract_neuropil(found.fluorescence[:, some], found.neuropil[:, some], config.neuropil)
        dff[:, some] = delta_f_over_f(own, frame_rate, window=config.window, quantile=config.quantile)
    return dff


def _table(dff: np.ndarray, footprints: Footprints) -> pd.DataFrame:
    """A row per ROI: y, x (px); n_pixels; peak_snr, 99th percentile of dF/F over its median in SDs of the noise."""
    low, high = np.percentile(dff, [50, 99], axis=0)
    y, x = footprints.centres().T
    return pd.DataFrame(
        {
            "roi": np.arange(len(footprints)),
            "y": y,
            "x": x,
            "n_pixels": np.diff(footprints.offsets),
            "peak_snr": (high - low) / np.maximum(noise_level(dff), 1e-9),
        }
    )


def _spikes_of_rois(matching: Matching, truth: Any) -> dict[str, np.ndarray]:
    """The true spikes of each ROI: those of its cell, none where it has none."""
    if "spike_times" not in truth:
        return {}
    times, offsets = truth["spike_times"][:], truth["spike_offsets"][:]
    none = np.empty(0)
    trains = SpikeTrains.from_list(
        [times[offsets[cell] : offsets[cell + 1]] if cell >= 0 else none for cell in matching.cell]
    )
    return {"spike_times": trains.times, "spike_offsets": trains.offsets}


STAGES = [fluorescence]

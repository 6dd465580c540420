"""fluorescence: dF/F of the cells that suite2p finds in a movie; and how many of the true cells, where known."""

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, create_model, model_validator

from assets.stages.applies_fluorescence import without_movie
from neuropipe.calcium.baseline import delta_f_over_f, subtract_neuropil
from neuropipe.calcium.footprints import Footprints
from neuropipe.calcium.frame_file import bytes_needed
from neuropipe.calcium.matching import Matching, match_cells, reference_offset
from neuropipe.calcium.preprocessing import noise_level
from neuropipe.calcium.suite2p_extraction import Extracted, extract
from neuropipe.calcium.suite2p_settings import Suite2pSettings
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.plots import movies as figures_movies
from neuropipe.recording import SpikeTrains
from resources.files.disk import need_disk
from resources.store.artifact import Artifact, Draft
from resources.store.recording_format import movie_of, roi_chunks
from resources.store.stage import StageConfig, memoized

AT_ONCE = 64  # ROIs

_OF_SUITE2P = {field.name: (field.type, field.default) for field in fields(Suite2pSettings)}


class FluorescenceConfig(create_model("_OfSuite2p", __base__=StageConfig, **_OF_SUITE2P)):
    """What `Suite2pSettings` tells; neuropil : how much of it is subtracted; window (s), quantile : of the running
    baseline that dF/F is relative to."""

    neuropil: float = Field(0.7, ge=0)
    window: float = Field(60.0, gt=0)
    quantile: float = Field(0.08, ge=0, le=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        self.of_suite2p()
        return self

    def of_suite2p(self) -> Suite2pSettings:
        return Suite2pSettings(**{name: getattr(self, name) for name in _OF_SUITE2P})


@memoized(
    group="calcium",
    kinds=("zarr", "suite2p"),
    config=FluorescenceConfig,
    applies_to=without_movie,
    tools=("numpy", "scipy", "torch", "suite2p"),
    isolated=True,
    checks={"dff_finite": "Every ROI has dF/F in every frame."},
)
def fluorescence(draft: Draft, session: Session, config: FluorescenceConfig, recording: Artifact, log: Any) -> None:
    """dF/F of the cells of a movie: registered, found and extracted by suite2p, neuropil taken off, relative to a
    running quantile. Where the true cells are known, each ROI is matched to one, whose spikes are then the ROI's."""
    movie = movie_of(recording)
    frame_times, frame_rate = movie.frame_times, movie.frame_rate
    need_disk(draft.path, bytes_needed(movie.frames.shape), f"the registered copy of the movie of {session.key}")
    with tempfile.TemporaryDirectory(dir=draft.path, prefix="frames-") as scratch:
        found = extract(movie.frames, frame_rate, Path(scratch), config.of_suite2p(), log.info)
    dff = _relative(found, frame_rate, config)
    bright = np.flatnonzero(np.isfinite(dff).all(axis=0))
    if len(bright) == 0:
        raise BadInput(
            f"none of {dff.shape[1]} ROIs is brighter than {config.neuropil:g} x its neuropil, so none has dF/F; lower "
            "fluorescence.neuropil"
        )
    dff, footprints = np.ascontiguousarray(dff[:, bright]), found.footprints.only(bright)
    draft.check("dff_finite", bool(np.isfinite(dff).all()), left_out_as_dim=found.fluorescence.shape[1] - len(bright))
    draft.array("dff", dff, chunks=roi_chunks(dff.shape), attributes={"frame_rate": frame_rate})
    draft.array("frame_times", frame_times)
    draft.array("shifts", found.shifts)
    draft.array("mean_image", found.mean_image)
    for name in ("pixels", "weights", "offsets"):
        draft.array(f"roi_{name}", getattr(footprints, name))
    draft.metadata |= {
        "rois": len(bright),
        "left_out_as_dim": found.fluorescence.shape[1] - len(bright),
        "frames": len(dff),
        "frame_rate": round(frame_rate, 3),
        "largest_shift": round(float(np.abs(found.shifts - np.median(found.shifts, axis=0)).max()), 2),
    }
    truth = recording.arrays.get("truth", {})
    units, known = _table(dff, footprints), {}
    if "footprint_pixels" in truth:
        true = Footprints(
            *(truth[f"footprint_{name}"][:] for name in ("pixels", "weights", "offsets")), footprints.shape
        )
        offset, error = reference_offset(truth["shifts"][:], found.shifts)
        true = true.moved(*np.round(offset).astype(int))
        matching = match_cells(footprints, true)
        units = units.assign(cell=matching.cell, overlap=matching.alike)
        _keep_spikes(draft, matching, truth)
        draft.metadata |= {
            "true_cells": len(true),
            "found_fraction": round(matching.found_fraction, 4),
            "precision": round(matching.precision, 4),
            "shift_error": round(error, 3),
        }
        known = {"true": true, "cell": matching.cell}
        drawn = truth["shifts"][:] - offset
    draft.table("units", units)
    draft.figure("rois", figures_movies.rois(found.mean_image, footprints, **known, title=session.key))
    draft.figure(
        "shifts", figures_movies.shifts(frame_times, found.shifts, drawn if known else None, title=session.key)
    )


def _relative(found: Extracted, frame_rate: float, config: FluorescenceConfig) -> np.ndarray:
    """dF/F (time, roi) float32, a few ROIs at a time; NaN for those that are dimmer than their neuropil."""
    dff = np.empty(found.fluorescence.shape, np.float32)
    for first in range(0, dff.shape[1], AT_ONCE):
        some = slice(first, first + AT_ONCE)
        own = subtract_neuropil(found.fluorescence[:, some], found.neuropil[:, some], config.neuropil)
        dff[:, some] = delta_f_over_f(own, frame_rate, window=config.window, quantile=config.quantile)
    return dff


def _table(dff: np.ndarray, footprints: Footprints) -> pd.DataFrame:
    """A row an ROI: y, x (px); n_pixels; peak_snr, the 99th percentile of dF/F over its median in SDs of the noise."""
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


def _keep_spikes(draft: Draft, matching: Matching, truth: Any) -> None:
    """The true spikes of each ROI: those of its cell, none where it has none."""
    times, offsets = truth["spike_times"][:], truth["spike_offsets"][:]
    none = np.empty(0)
    trains = SpikeTrains.from_list(
        [times[offsets[cell] : offsets[cell + 1]] if cell >= 0 else none for cell in matching.cell]
    )
    draft.array("truth/spike_times", trains.times)
    draft.array("truth/spike_offsets", trains.offsets)

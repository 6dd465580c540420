"""events/<method>: spikes as read from dF/F, one asset per deconvolver that needs no training."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import create_model

from assets.stages import plugins
from assets.stages.sessions import has_fluorescence
from neuropipe import calcium
from neuropipe.calcium.preprocessing import fill_gaps, frame_rate_of
from neuropipe.calcium.recorded import recorded_spans, standardized_noise
from neuropipe.plots import events as plots
from neuropipe.registry import Plugin
from neuropipe.schemas import Check, Events, Fluorescence, Recording
from neuropipe.schemas.chunks import roi_blocks
from resources.store.stage import Stage, StageConfig, stage

FINITE = "Events are finite numbers, none below 0, wherever dF/F was recorded."


def events_config(plugin: Plugin, **fields: Any) -> type[StageConfig]:
    """The deconvolver's own parameters, and longest_gap : s of NaN that may be interpolated."""
    fields = {**plugins.settings_of(plugin), **fields, "longest_gap": (float, 1.0)}
    return create_model(f"{plugin.attribute}Events", __base__=StageConfig, **fields)


def plot_events(made: Events, recording: Recording, fluorescence: Fluorescence | None, **_: Any) -> dict[str, Any]:
    """A few ROIs with what was found in them, and how noisy all are."""
    dff, drawn = dff_of(recording, fluorescence).dff, plots.drawn_rois(made.events.shape[1])
    traces, events = (np.stack([values[:, roi] for roi in drawn], axis=1) for values in (dff, made.events))
    names = [f"ROI {roi}" for roi in drawn]
    return {
        "dff_and_events": plots.dff_and_events(made.frame_times[:], traces, events, names),
        "noise": plots.noise_levels(made.rois["noise"].to_numpy()),
    }


def _events_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"events/{plugin.name}",
        group="signals",
        kinds=("zarr", *plugin.facts.get("tools", ())),
        description=f"{plugin.summary}\n\nEvents (time, roi) found in dF/F, in {plugin.facts['units']}.",
        config=events_config(plugin),
        applies_to=has_fluorescence,
        uses=lambda _: plugins.uses(plugin, facts=("units",)),
        tools=("scipy", "numba"),
        slow=plugin.facts.get("slow", False),
        isolated=plugin.facts.get("slow", False),
        checks={"events_finite": FINITE},
        plots=plot_events,
    )
    def events(config: StageConfig, recording: Recording, fluorescence: Fluorescence | None, scratch: Path) -> Events:
        parameters = config.model_dump()
        longest_gap = parameters.pop("longest_gap")
        make = functools.partial(calcium.make, plugin.name, **parameters)
        return find_events(
            make, plugin.name, plugin.facts["units"], longest_gap, dff_of(recording, fluorescence), scratch
        )

    return events


def dff_of(recording: Recording, fluorescence: Fluorescence | None) -> Recording | Fluorescence:
    """Whatever holds dF/F, and the table and true spikes of its ROIs: recorded, or found in a movie."""
    return recording if fluorescence is None else fluorescence


def find_events(
    make: Callable[[], Any],
    method: str,
    units: str,
    longest_gap: float,
    source: Recording | Fluorescence,
    scratch: Path,
) -> Events:
    """events (time, roi) float32, NaN where an ROI was not recorded, and the table of ROIs; dF/F is read in blocks.

    make : () -> deconvolver; units : what one event counts; longest_gap : s; scratch : folder for the arrays. Where
    the deconvolver knows how uncertain it is, `uncertainty` is an array of the same shape.
    """
    import zarr

    dff, frame_times = source.dff, source.frame_times[:]
    frame_rate = frame_rate_of(frame_times)
    deconvolver = make()
    group = zarr.open_group(scratch / "events.zarr", mode="w", zarr_format=3)
    layout = {"shape": dff.shape, "chunks": dff.chunks, "dtype": np.float32}
    found = group.create_array("events", **layout)
    knows_uncertainty = hasattr(deconvolver, "deconvolve_with_uncertainty")
    uncertainty = group.create_array("uncertainty", **layout) if knows_uncertainty else None
    noise, total, seconds = (np.empty(dff.shape[1]) for _ in range(3))
    wrong = 0
    for rois in roi_blocks(dff):
        traces = dff[:, rois]
        block, doubt = (np.full(traces.shape, np.nan, np.float32) for _ in range(2))
        for frames, columns in recorded_spans(traces):
            each = [(traces[frames, [roi]], rois.start + roi) for roi in columns]
            whole = np.hstack([fill_gaps(one, frame_rate, longest_gap, first_roi=roi) for one, roi in each])
            whole = whole.astype(np.float64)
            if uncertainty is None:
                block[frames, columns] = deconvolver.deconvolve(whole, frame_rate)
            else:
                both = deconvolver.deconvolve_with_uncertainty(whole, frame_rate)
                block[frames, columns], doubt[frames, columns] = both
            seconds[rois][columns] = (frames.stop - frames.start) / frame_rate
        found[:, rois] = block
        if uncertainty is not None:
            uncertainty[:, rois] = doubt
        wrong += int((~(block >= 0) & np.isfinite(traces) | np.isinf(block)).sum())
        noise[rois], total[rois] = standardized_noise(traces, frame_rate), np.nansum(block, axis=0)
    return Events(
        events=found,
        frame_times=frame_times,
        uncertainty=uncertainty,
        rois=source.units.assign(noise=noise, seconds=seconds, events=total),
        units=units,
        frame_rate=frame_rate,
        method=method,
        checks={"events_finite": Check(wrong == 0, facts={"wrong_values": wrong})},
        facts={
            "units": units,
            "rois": dff.shape[1],
            "frames": dff.shape[0],
            "frame_rate": round(frame_rate, 3),
            "median_noise": round(float(np.median(noise)), 3),
            "events_per_second": round(float(total.sum() / seconds.sum()), 4),
            "silent_rois": int((total == 0).sum()),
        },
    )


STAGES = [_events_stage(plugin) for plugin in calcium.available().values() if not plugin.facts.get("needs_training")]

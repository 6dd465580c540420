"""events/<method>: spikes as read from dF/F; deconvolution_scores/<method>: how well, where the truth is known."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from pydantic import create_model

from assets.stages.applies_fluorescence import without_fluorescence, without_true_spikes
from assets.stages.decoding.decoders import config_model
from neuropipe import calcium
from neuropipe.calcium import reliability
from neuropipe.calcium.preprocessing import fill_gaps, frame_rate_of
from neuropipe.calcium.recorded import recorded_spans, standardized_noise
from neuropipe.calcium.scores import score, summary
from neuropipe.catalog import Session
from neuropipe.errors import BadInput
from neuropipe.plots import deconvolution as figures_calcium
from neuropipe.plots import deconvolution_networks as figures_networks
from neuropipe.plots import events as figures_fluorescence
from neuropipe.registry import Plugin
from resources.store.artifact import Artifact, Draft
from resources.store.recording_format import roi_blocks
from resources.store.stage import Stage, StageConfig, memoized

IN_SPIKES = "expected spikes"  # how units begin that are calibrated


def deconvolution_stages() -> list[Stage]:
    """Two stages for each deconvolver that announces itself, but for those that need training."""
    ready = [plugin for plugin in calcium.available().values() if not plugin.facts.get("needs_training")]
    events = [_events_stage(plugin) for plugin in ready]
    return [*events, *map(scores_stage, events)]


def _events_stage(plugin: Plugin) -> Stage:
    @memoized(
        name=f"events/{plugin.name}",
        group="calcium",
        kinds=("zarr", *plugin.facts.get("tools", ())),
        description=f"{plugin.summary}\n\nEvents (time, roi) found in dF/F, in {plugin.facts['units']}.",
        config=_config(plugin),
        applies_to=without_fluorescence,
        plugins=functools.partial(_module, plugin.module),
        tools=("numpy", *plugin.facts.get("tools", ())),
        slow=plugin.facts.get("slow", False),
        isolated=plugin.facts.get("slow", False),
        checks={"events_finite": "Events are finite numbers, none below 0, wherever dF/F was recorded."},
    )
    def events(
        draft: Draft, session: Session, config: StageConfig, recording: Artifact, fluorescence: Artifact | None
    ) -> None:
        find_events(draft, session, plugin, config.model_dump(), dff_of(recording, fluorescence))

    return events


def dff_of(recording: Artifact, fluorescence: Artifact | None) -> Artifact:
    """Where the dF/F of a session lies, and the table and true spikes of its ROIs: recorded, or found in its movie."""
    return recording if fluorescence is None else fluorescence


def _module(module: str, _: Any) -> tuple[str, ...]:
    return (module,)


def _config(plugin: Plugin) -> type[StageConfig]:
    """The deconvolver's own parameters, and longest_gap : s of NaN that may be interpolated."""
    return create_model(f"{plugin.attribute}Events", __base__=config_model(plugin), longest_gap=(float, 1.0))


def find_events(
    draft: Draft, session: Session, plugin: Plugin, parameters: dict[str, Any], recording: Artifact
) -> None:
    """events (time, roi) float32, NaN where an ROI was not recorded, and the table of ROIs; read block by block.

    Where the deconvolver knows it, the uncertainty of each event, too: an array of the same shape.
    """
    dff, frame_times = recording.arrays["dff"], recording.arrays["frame_times"][:]
    longest_gap = parameters.pop("longest_gap")
    frame_rate = frame_rate_of(frame_times)
    deconvolver = calcium.make(plugin.name, **parameters)
    events = draft.arrays.create_array("events", shape=dff.shape, chunks=dff.chunks, dtype=np.float32)
    events.attrs.update({"units": plugin.facts["units"], "frame_rate": frame_rate, "method": plugin.name})
    draft.array("frame_times", frame_times)
    uncertainty = None
    if hasattr(deconvolver, "deconvolve_with_uncertainty"):
        uncertainty = draft.arrays.create_array("uncertainty", shape=dff.shape, chunks=dff.chunks, dtype=np.float32)
    noise, found, seconds = (np.empty(dff.shape[1]) for _ in range(3))
    wrong = 0
    for rois in roi_blocks(dff):
        traces = dff[:, rois]
        block, doubt = (np.full(traces.shape, np.nan, np.float32) for _ in range(2))
        for frames, columns in recorded_spans(traces):
            gappy = [(traces[frames, [roi]], rois.start + roi) for roi in columns]
            whole = np.hstack([fill_gaps(one, frame_rate, longest_gap, first_roi=roi) for one, roi in gappy])
            whole = whole.astype(np.float64)
            if uncertainty is None:
                block[frames, columns] = deconvolver.deconvolve(whole, frame_rate)
            else:
                block[frames, columns], doubt[frames, columns] = deconvolver.deconvolve_with_uncertainty(
                    whole, frame_rate
                )
            seconds[rois][columns] = (frames.stop - frames.start) / frame_rate
        events[:, rois] = block
        if uncertainty is not None:
            uncertainty[:, rois] = doubt
        wrong += int((~(block >= 0) & np.isfinite(traces) | np.isinf(block)).sum())
        noise[rois], found[rois] = standardized_noise(traces, frame_rate), np.nansum(block, axis=0)
    draft.check("events_finite", wrong == 0, wrong_values=wrong)
    units = recording.table("units")
    draft.table("rois", units.assign(noise=noise, seconds=seconds, events=found))
    draft.metadata |= {
        "units": plugin.facts["units"],
        "rois": dff.shape[1],
        "frames": dff.shape[0],
        "frame_rate": round(frame_rate, 3),
        "median_noise": round(float(np.median(noise)), 3),
        "events_per_second": round(float(found.sum() / seconds.sum()), 4),
        "silent_rois": int((found == 0).sum()),
    }
    drawn = figures_fluorescence.drawn_rois(dff.shape[1])
    draft.figure(
        "dff_and_events",
        figures_fluorescence.dff_and_events(
            frame_times,
            np.stack([dff[:, roi] for roi in drawn], axis=1),
            np.stack([events[:, roi] for roi in drawn], axis=1),
            [f"ROI {roi}" for roi in drawn],
            title=f"{session.key}: {plugin.name}",
        ),
    )
    draft.figure("noise", figures_fluorescence.noise_levels(noise, title=session.key))


def scores_stage(scored: Stage) -> Stage:
    method = scored.name.removeprefix("events/")

    @memoized(
        name=f"deconvolution_scores/{method}",
        group="calcium",
        inputs={"events": scored.name},
        kinds=("parquet",),
        description=f"How well `{scored.name}` finds the true spikes, for each ROI: correlation at several smoothings, "
        "error rate, bias of the count and lag, with 95 % intervals.",
        applies_to=without_true_spikes,
        slow=scored.slow,
        tools=("numpy", "scipy"),
        checks={"scores_finite": "Every correlation is a finite number."},
    )
    def deconvolution_scores(
        draft: Draft, session: Session, recording: Artifact, fluorescence: Artifact | None, events: Artifact
    ) -> None:
        score_events(draft, dff_of(recording, fluorescence), events, title=f"{session.key}: {method}")

    return deconvolution_scores


def score_events(draft: Draft, recording: Artifact, events: Artifact, title: str) -> None:
    """scores: a row an ROI and smoothing, over the frames in which the ROI was recorded; summary: over all ROIs.

    Of a movie's ROIs those count that are a true cell; the others are in the table `unmatched`.
    """
    units = recording.table("units")
    unmatched = np.flatnonzero(units["cell"] < 0) if "found_fraction" in recording.metadata else np.empty(0, int)
    draft.table("unmatched", pd.DataFrame({"roi": unmatched}))
    if len(unmatched) == len(units):
        raise BadInput(f"none of {len(units)} ROIs found in the movie is a true cell, so there is nothing to score")
    found, frame_times = events.arrays["events"][:], recording.arrays["frame_times"][:]
    times, offsets = (recording.arrays[f"truth/{name}"][:] for name in ("spike_times", "spike_offsets"))
    in_spikes = events.arrays["events"].attrs["units"].startswith(IN_SPIKES)
    tables, scored = [], np.setdiff1d(np.arange(found.shape[1]), unmatched).tolist()
    for roi in scored:
        ((frames, _),) = recorded_spans(found[:, [roi]])
        spikes = times[offsets[roi] : offsets[roi + 1]]
        one = score(
            found[frames, [roi]], frame_times[frames], spikes, np.array([0, len(spikes)]), in_spikes=in_spikes, seed=roi
        )
        tables.append(one.assign(roi=roi))
    table = pd.concat(tables, ignore_index=True)
    over_rois = summary(table)
    draft.table("scores", table)
    draft.table("summary", over_rois)
    unknown = sorted(set(table.loc[~np.isfinite(table["correlation"]), "roi"]))
    said = f"no correlation without events and spikes: ROI {', '.join(map(str, unknown[:5]))}" if unknown else ""
    draft.check("scores_finite", not unknown, warn=True, description=said)
    correlation = over_rois[over_rois["metric"] == "correlation"]
    draft.metadata |= {
        "rois": found.shape[1] - len(unmatched),
        "rois_that_are_no_cell": len(unmatched),
        "true_spikes": len(times),
        "correlation": {f"{row.smoothing:g} s": round(float(row.value), 4) for row in correlation.itertuples()},
    } | {
        metric: round(float(over_rois.loc[over_rois["metric"] == metric, "value"].iloc[0]), 4)
        for metric in ("error_rate", "bias", "lag")
        if metric in set(over_rois["metric"])
    }
    draft.figure("scores", figures_calcium.scores(table, title=title))
    if "uncertainty" in events.arrays:
        _score_uncertainty(draft, events, recording, scored, title)
    _draw_typical(draft, recording, events, table, title)


def _score_uncertainty(draft: Draft, events: Artifact, recording: Artifact, scored: list[int], title: str) -> None:
    """reliability: error against uncertainty, a row an ROI and tenth of its bins; both in spikes."""
    found, uncertainty = events.arrays["events"], events.arrays["uncertainty"]
    frame_times = recording.arrays["frame_times"][:]
    times, offsets = (recording.arrays[f"truth/{name}"][:] for name in ("spike_times", "spike_offsets"))
    tables = []
    for roi in scored:
        own, doubt = found[:, roi], uncertainty[:, roi]
        ((frames, _),) = recorded_spans(own[:, None])
        spikes = times[offsets[roi] : offsets[roi + 1]]
        one = reliability.reliability(own[frames], doubt[frames], frame_times[frames], spikes)
        tables.append(one.assign(roi=roi))
    table = pd.concat(tables, ignore_index=True)
    draft.table("reliability", table)
    draft.metadata["error grows with uncertainty (rank correlation)"] = round(
        float(np.nanmean([reliability.growth(one) for one in tables])), 3
    )
    draft.figure("reliability", figures_networks.reliability(reliability.over_cells(table), title=title))


def _draw_typical(draft: Draft, recording: Artifact, events: Artifact, table: pd.DataFrame, title: str) -> None:
    """The ROI of median correlation: its trace, its true spikes and the events, where it varies most."""
    best_first = table.groupby("roi")["correlation"].mean().sort_values(ascending=False).index
    roi = int(best_first[len(best_first) // 2])
    found, offsets = events.arrays["events"][:, roi], recording.arrays["truth/spike_offsets"][:]
    ((frames, _),) = recorded_spans(found[:, None])
    units = events.arrays["events"].attrs["units"]
    figure = figures_calcium.trace_truth_and_events(
        recording.arrays["dff"][frames, roi],
        recording.arrays["frame_times"][frames],
        {events.arrays["events"].attrs["method"]: found[frames]},
        recording.arrays["truth/spike_times"][offsets[roi] : offsets[roi + 1]],
        unit="expected spikes / s" if units.startswith(IN_SPIKES) else "events / s",
        title=f"{title}, ROI {roi}",
    )
    draft.figure("trace_truth_and_events", figure)

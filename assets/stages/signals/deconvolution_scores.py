"""deconvolution_scores/<method>: how well a deconvolver finds the true spikes, where they are known."""

from typing import Any

import numpy as np
import pandas as pd

from assets.stages.sessions import has_true_spikes
from assets.stages.signals.events import dff_of
from neuropipe import calcium
from neuropipe.calcium import reliability
from neuropipe.calcium.recorded import recorded_spans
from neuropipe.calcium.scores import score, summary
from neuropipe.errors import BadInput
from neuropipe.plots import deconvolution, deconvolution_networks
from neuropipe.registry import Plugin
from neuropipe.schemas import Check, DeconvolutionScores, Events, Fluorescence, Recording
from neuropipe.schemas.activity import IN_SPIKES
from resources.store.stage import Stage, stage


def _plots(
    made: DeconvolutionScores, recording: Recording, fluorescence: Fluorescence | None, events: Events
) -> dict[str, Any]:
    source = dff_of(recording, fluorescence)
    drawn = {
        "scores": deconvolution.scores(made.scores),
        "trace_truth_and_events": _typical(source, events, made.scores),
    }
    if made.reliability is not None:
        drawn["reliability"] = deconvolution_networks.reliability(reliability.over_cells(made.reliability))
    return drawn


def _typical(source: Recording | Fluorescence, events: Events, scores: pd.DataFrame) -> Any:
    """The ROI of median correlation: its trace, its true spikes and the events, where it varies most."""
    best_first = scores.groupby("roi")["correlation"].mean().sort_values(ascending=False).index
    roi = int(best_first[len(best_first) // 2])
    found = events.events[:, roi]
    ((frames, _),) = recorded_spans(found[:, None])
    return deconvolution.trace_truth_and_events(
        source.dff[frames, roi],
        source.frame_times[frames],
        {events.method: found[frames]},
        _true_spikes(source, roi),
        unit="expected spikes / s" if events.units.startswith(IN_SPIKES) else "events / s",
        title=f"ROI {roi}",
    )


def _scores_stage(plugin: Plugin) -> Stage:
    @stage(
        name=f"deconvolution_scores/{plugin.name}",
        group="signals",
        inputs={"events": f"events/{plugin.name}"},
        kinds=("parquet",),
        description=f"How well `events/{plugin.name}` finds the true spikes, for each ROI: correlation at several "
        "smoothings, error rate, bias of the count and lag, with 95 % intervals.",
        applies_to=has_true_spikes,
        slow=plugin.facts.get("slow", False) or plugin.facts.get("needs_training", False),
        tools=("scipy",),
        checks={"scores_finite": "Every correlation is a finite number."},
        plots=_plots,
    )
    def deconvolution_scores(
        recording: Recording, fluorescence: Fluorescence | None, events: Events
    ) -> DeconvolutionScores:
        return score_events(dff_of(recording, fluorescence), events)

    return deconvolution_scores


def score_events(source: Recording | Fluorescence, events: Events) -> DeconvolutionScores:
    """Scores of each ROI over the frames in which it was recorded. Of a movie's ROIs only true cells count."""
    units = source.units
    unmatched = np.flatnonzero(units["cell"] < 0) if {"cell", "overlap"} <= set(units) else np.empty(0, int)
    if len(unmatched) == len(units):
        raise BadInput(f"none of {len(units)} ROIs found in the movie is a true cell, so there is nothing to score")
    found, frame_times = events.events[:], source.frame_times[:]
    in_spikes = events.units.startswith(IN_SPIKES)
    scored = np.setdiff1d(np.arange(found.shape[1]), unmatched).tolist()
    tables = []
    for roi in scored:
        ((frames, _),) = recorded_spans(found[:, [roi]])
        spikes = _true_spikes(source, roi)
        ends = np.array([0, len(spikes)])
        one = score(found[frames, [roi]], frame_times[frames], spikes, ends, in_spikes=in_spikes, seed=roi)
        tables.append(one.assign(roi=roi))
    table = pd.concat(tables, ignore_index=True)
    over_rois = summary(table)
    unknown = sorted(set(table.loc[~np.isfinite(table["correlation"]), "roi"]))
    said = f"no correlation without events and spikes: ROI {', '.join(map(str, unknown[:5]))}" if unknown else ""
    doubts = _reliability(events, source, scored) if events.uncertainty is not None else None
    correlation = over_rois[over_rois["metric"] == "correlation"]
    facts: dict[str, Any] = {
        "rois": found.shape[1] - len(unmatched),
        "rois_that_are_no_cell": len(unmatched),
        "true_spikes": source.truth["spike_times"].shape[0],
        "correlation": {f"{row.smoothing:g} s": round(float(row.value), 4) for row in correlation.itertuples()},
    } | {
        metric: round(float(over_rois.loc[over_rois["metric"] == metric, "value"].iloc[0]), 4)
        for metric in ("error_rate", "bias", "lag")
        if metric in set(over_rois["metric"])
    }
    if doubts is not None:
        growth = [reliability.growth(rows.drop(columns="roi")) for _, rows in doubts.groupby("roi", sort=False)]
        facts["error grows with uncertainty (rank correlation)"] = round(float(np.nanmean(growth)), 3)
    return DeconvolutionScores(
        scores=table,
        summary=over_rois,
        unmatched=pd.DataFrame({"roi": unmatched}),
        reliability=doubts,
        facts=facts,
        checks={"scores_finite": Check(not unknown, said, warn=True)},
    )


def _reliability(events: Events, source: Recording | Fluorescence, scored: list[int]) -> pd.DataFrame:
    """Error against uncertainty, a row per ROI and tenth of its bins; both in spikes."""
    frame_times = source.frame_times[:]
    tables = []
    for roi in scored:
        own, doubt = events.events[:, roi], events.uncertainty[:, roi]
        ((frames, _),) = recorded_spans(own[:, None])
        one = reliability.reliability(own[frames], doubt[frames], frame_times[frames], _true_spikes(source, roi))
        tables.append(one.assign(roi=roi))
    return pd.concat(tables, ignore_index=True)


def _true_spikes(source: Recording | Fluorescence, roi: int) -> np.ndarray:
    """(spike,) s"""
    offsets = source.truth["spike_offsets"]
    return source.truth["spike_times"][int(offsets[roi]) : int(offsets[roi + 1])]


STAGES = [_scores_stage(plugin) for plugin in calcium.available().values()]

"""evaluation/<name> of continuous sessions: R2 and correlation, or angular errors, with chance and baselines beside."""

from typing import TYPE_CHECKING

import numpy as np

from neuropipe.evaluation.continuous import BASELINES, evaluate_targets
from neuropipe.evaluation.estimates import primary_metric
from neuropipe.plots import continuous as figures_time
from resources.store.artifact import Artifact, Draft
from resources.store.binned_format import binned_activity

if TYPE_CHECKING:
    from assets.stages.results.evaluation import EvaluationConfig


def score_time(draft: Draft, config: "EvaluationConfig", decoder: Artifact, folds: Artifact, binned: Artifact) -> None:
    """Score the estimates of a decoder scheme by scheme."""
    facts, bins = decoder.json("targets"), binned.table("samples")["bin"].to_numpy()
    targets = binned.arrays["targets"][:]
    table = evaluate_targets(
        decoder.table("predictions"),
        folds.table("folds"),
        targets[bins],
        tuple(facts["names"]),
        before=_before(targets, bins, binned.arrays["segments"][:], binned_activity(binned).attrs["history"]),
        circular=facts["circular"],
        seed=config.seed,
        n_shifts=config.n_shifts,
        n_resamples=config.n_resamples,
    )
    draft.table("scores", table)
    draft.check("scores_finite", bool(np.isfinite(table[["value", "ci_low", "ci_high"]].to_numpy()).all()))
    first = primary_metric(facts["circular"])
    draft.figure("scores", figures_time.scores(table, first, BASELINES))
    primary = table[table["metric"] == first].set_index("scheme")
    draft.metadata |= {
        first: {s: round(float(v), 4) for s, v in primary["value"].items()},
        "interval": {s: [round(float(r.ci_low), 4), round(float(r.ci_high), 4)] for s, r in primary.iterrows()},
        "p_value": {s: round(float(v), 5) for s, v in primary["p_value"].dropna().items()},
    }


def _before(targets: np.ndarray, bins: np.ndarray, segments: np.ndarray, history: int) -> np.ndarray:
    """(sample, k) targets of the bin before each sample's history, NaN where its segment begins with the history."""
    first_of_segment = np.repeat(segments[:, 0], segments[:, 1] - segments[:, 0])
    inside = bins - history >= first_of_segment[bins]
    return np.where(inside[:, None], targets[np.maximum(bins - history, 0)], np.nan)

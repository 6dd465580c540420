"""What estimates of behaviour are worth."""

import numpy as np

from neuropipe.evaluation.continuous import evaluate_targets
from neuropipe.evaluation.estimates import primary_metric
from neuropipe.schemas.binned import TimeBins
from neuropipe.schemas.folds import Folds
from neuropipe.schemas.predictions import Predictions
from neuropipe.schemas.scores import Scores
from neuropipe.tasks.scoring import ScoreSettings, scores_finite, summary


def score_targets(predictions: Predictions, folds: Folds, binned: TimeBins, settings: ScoreSettings) -> Scores:
    """R2 and correlation, or angular errors, under every scheme, beside the training mean and persistence."""
    assert predictions.targets is not None
    names, circular = predictions.targets["names"], predictions.targets["circular"]
    bins, targets = binned.samples["bin"].to_numpy(), binned.targets[:]
    table = evaluate_targets(
        predictions.predictions,
        folds.folds,
        targets[bins],
        tuple(names),
        before=before_history(targets, bins, binned.segments[:], binned.history),
        circular=circular,
        seed=settings.seed,
        n_shifts=settings.n_shifts,
        n_resamples=settings.n_resamples,
    )
    primary = primary_metric(circular)
    return Scores(
        scores=table,
        ranking={"family": "regression", "primary": primary},
        checks={"scores_finite": scores_finite(table)},
        facts=summary(table, primary),
    )


def before_history(targets: np.ndarray, bins: np.ndarray, segments: np.ndarray, history: int) -> np.ndarray:
    """(sample, target) targets of the bin before each sample's history, NaN where its segment begins with it."""
    first_of_segment = np.repeat(segments[:, 0], segments[:, 1] - segments[:, 0])
    inside = bins - history >= first_of_segment[bins]
    return np.where(inside[:, None], targets[np.maximum(bins - history, 0)], np.nan)

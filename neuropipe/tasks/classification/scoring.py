"""What predicted classes are worth."""

import numpy as np

from neuropipe.evaluation import confusion, evaluate
from neuropipe.evaluation.families.classification import primary_of_classes
from neuropipe.schemas.binned import TrialBins
from neuropipe.schemas.folds import Folds
from neuropipe.schemas.predictions import Predictions
from neuropipe.schemas.scores import Scores
from neuropipe.tasks.scoring import ScoreSettings, scores_finite, summary


def score_classes(predictions: Predictions, folds: Folds, binned: TrialBins, settings: ScoreSettings) -> Scores:
    """Every score under every scheme, the metric that suits the labels, and the confusion matrices."""
    classes, labels = predictions.classes, binned.labels[:]
    assert classes is not None
    table = evaluate(
        predictions.predictions,
        folds.folds,
        classes,
        labels=np.array(classes)[labels],
        seed=settings.seed,
        n_shifts=settings.n_shifts,
        n_resamples=settings.n_resamples,
    )
    primary = primary_of_classes({"class_counts": np.bincount(labels, minlength=len(classes)).tolist()})
    matrices = confusion(predictions.predictions, classes)
    return Scores(
        scores=table,
        ranking={"family": "classification", "primary": primary},
        details={
            "classes": classes,
            "confusion": {scheme: matrix.to_numpy().tolist() for scheme, matrix in matrices.items()},
        },
        checks={"scores_finite": scores_finite(table)},
        facts=summary(table, primary),
    )

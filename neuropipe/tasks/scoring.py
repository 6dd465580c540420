"""What scoring of all tasks shares."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.schemas.base import Check


@dataclass(frozen=True)
class ScoreSettings:
    """n_shifts : circular shifts of the null; n_resamples : bootstrap resamples of the intervals."""

    n_shifts: int = 2000
    n_resamples: int = 2000
    seed: int = 0


def scores_finite(scores: pd.DataFrame) -> Check:
    """Whether every score and both ends of its interval are finite numbers."""
    unknown = scores[~np.isfinite(scores[["value", "ci_low", "ci_high"]]).all(axis=1)]
    if unknown.empty:
        return Check(True)
    metrics = ", ".join(unknown["metric"].unique())
    return Check(False, f"{scores['n'].min()} test samples are too few for {metrics} with an interval")


def summary(scores: pd.DataFrame, metric: str) -> dict[str, dict]:
    """A metric, its interval and its p-value by scheme, for people."""
    of = scores[scores["metric"] == metric].set_index("scheme")
    return {
        metric: {scheme: round(float(value), 4) for scheme, value in of["value"].items()},
        "interval": {scheme: [round(float(r.ci_low), 4), round(float(r.ci_high), 4)] for scheme, r in of.iterrows()},
        # Shuffled folds leave no stretch of test samples to shift: they have no p-value.
        "p_value": {scheme: round(float(value), 5) for scheme, value in of["p_value"].dropna().items()},
    }

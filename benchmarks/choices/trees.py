"""XGBoost: bins, number of trees, and how each tree is grown."""

from functools import partial

from benchmarks.choices import Choice
from benchmarks.choices.recordings import fitted_scores, recorded

TREES_VARIANTS = [
    *({"n_bins": n} for n in ((1, 2, 4, 8), (1, 2, 4), (4,), (8,))),
    *({"n_bins": (8,), "n_rounds": n} for n in (75, 300)),
    *({"n_bins": (8,), "feature_fraction": share} for share in (0.03, 0.3)),
    {"n_bins": (8,), "max_depth": 3},
    {"n_bins": (8,), "trial_fraction": 1.0},
    {"n_bins": (8,), "n_rounds": 300, "leaf_penalty": 10.0},
]

CHOICES = {"xgboost": Choice(recorded, partial(fitted_scores, "xgboost"), TREES_VARIANTS)}

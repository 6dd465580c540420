"""Honest evaluation: scores with chance level, uncertainty and baselines beside them."""

from neuropipe.evaluation.baselines import majority, previous_label
from neuropipe.evaluation.connectivity import connectivity_scores
from neuropipe.evaluation.intervals import bootstrap_ci, paired_difference
from neuropipe.evaluation.leaderboard import dead_session, dead_sessions
from neuropipe.evaluation.metrics import METRICS, confusion, scores
from neuropipe.evaluation.session import evaluate
from neuropipe.evaluation.shifts import Null, null_distribution, refit_null
from neuropipe.evaluation.table import check_out_of_fold

__all__ = [
    "METRICS",
    "Null",
    "bootstrap_ci",
    "check_out_of_fold",
    "confusion",
    "connectivity_scores",
    "dead_session",
    "dead_sessions",
    "evaluate",
    "majority",
    "null_distribution",
    "paired_difference",
    "previous_label",
    "refit_null",
    "scores",
]

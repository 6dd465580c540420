"""Scores of decoded behaviour: real targets and angles."""

from collections.abc import Mapping
from typing import Any

from neuropipe.evaluation.continuous import paired_difference_of_targets
from neuropipe.evaluation.estimates import primary_metric
from neuropipe.evaluation.families.family import Metric, ScoreFamily
from neuropipe.registry import score_family


@score_family("regression")
def regression() -> ScoreFamily:
    """How well behaviour is decoded at every moment: R2, or the median error of angles."""
    angle: dict[str, Any] = {"lower_is_better": True, "lower_bound": 0.0, "upper_bound": 180.0, "digits": 1}
    correlation: dict[str, Any] = {"lower_bound": -1.0, "upper_bound": 1.0, "proper": True}
    return ScoreFamily(
        name="regression",
        title="behaviour decoded",
        metrics={
            "r2": Metric(label="R2", unit="explained variance", upper_bound=1.0, proper=True),
            "correlation": Metric(label="corr.", unit="Pearson's correlation", **correlation),
            "rmse": Metric(label="RMSE", unit="unit of the target", lower_is_better=True, lower_bound=0.0, proper=True),
            "median_error": Metric(label="error", unit="median, degrees", proper=True, **angle),
            "mean_error": Metric(label="mean error", unit="degrees", proper=True, **angle),
            "circular_correlation": Metric(label="corr.", unit="circular correlation", **correlation),
        },
        choose_primary=primary_of_targets,
        baselines={"training_mean": "training mean", "persistence": "persistence"},
        judged=("r2", "correlation", "median_error", "mean_error", "circular_correlation"),
        reference_model="ridge",
        difference=paired_difference_of_targets,
        comparison_model="ridge",
        columns=("correlation", "circular_correlation", "mean_error"),
        explanation=(
            "R2 is the mean over targets, the error of angles the median in degrees (lower is better), with 95 % "
            "block-bootstrap intervals; p compares with behaviour shifted in time. Persistence leaves behaviour as it "
            "was before the decoder's history began, which no decoder is told."
        ),
    )


def primary_of_targets(facts: Mapping[str, Any]) -> str:
    """Median error for angles, else R2. facts : circular, whether targets are angles"""
    return primary_metric(bool(facts.get("circular", False)))

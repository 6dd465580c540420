"""Scores of estimated connectivity: against the true wiring, or by how well it can be reproduced."""

from collections.abc import Mapping
from typing import Any

from neuropipe.evaluation.families.family import Metric, ScoreFamily
from neuropipe.registry import score_family


@score_family("connectivity")
def connectivity() -> ScoreFamily:
    """How well true connections are found, by average precision; where none is known, how well halves agree."""
    fraction: dict[str, Any] = {"lower_bound": 0.0, "upper_bound": 1.0}
    correlation: dict[str, Any] = {"lower_bound": -1.0, "upper_bound": 1.0}
    return ScoreFamily(
        name="connectivity",
        title="connections estimated",
        metrics={
            "average_precision": Metric(label="AP", unit="average precision over pairs", proper=True, **fraction),
            "roc_auc": Metric(label="AUROC", unit="connected against unconnected pairs", proper=True, **fraction),
            "mcc": Metric(label="MCC", unit="Matthews' correlation at a fixed threshold", **correlation),
            "sign_accuracy": Metric(label="sign", unit="share of right signs, detected connections", **fraction),
            "delay_error": Metric(
                label="delay", unit="median error, ms", lower_is_better=True, lower_bound=0.0, digits=2
            ),
            "false_positive_rate": Metric(
                label="FPR", unit="share of p < .05 among unconnected pairs", lower_is_better=True, **fraction
            ),
            "split_half_over_null": Metric(
                label="over null", unit="agreement of halves, more than without fast interactions",
                lower_bound=-2.0, upper_bound=2.0,
            ),
            "split_half": Metric(label="split-half", unit="rank correlation of sizes between halves", **correlation),
            "split_half_signed": Metric(label="signed", unit="correlation of weights between halves", **correlation),
            "above_null": Metric(label="above null", unit="share above 95 % of the null's, .05 by chance", **fraction),
            "bin_width_half": Metric(label="bins / 2", unit="rank correlation with half the bin width", **correlation),
            "bin_width_double": Metric(label="bins x 2", unit="rank correlation with double bin width", **correlation),
            "co_prediction_gain": Metric(label="held out", unit="bits per spike over random sources"),
        },
        choose_primary=primary_of_connections,
        baselines={"random": "random ranking", "nominal": "nominal", "null": "without fast interactions"},
        judged=("average_precision", "roc_auc"),
        comparison_model="cross_correlogram",
        columns=("roc_auc", "mcc", "sign_accuracy", "delay_error", "false_positive_rate", "split_half",
                 "above_null", "co_prediction_gain"),
        explanation=(
            "Connections: AP is the average precision over all ordered pairs, MCC is at p < .001 (without p-values, at "
            "the tenth of pairs with the largest weights), FPR should be .05; p compares with the true network under "
            "other units' names. Without a known truth, methods are ranked by how much better halves of a "
            "recording agree than they do with spikes jittered by 25 ms, or trials of each unit in another order."
        ),
        schemes="{}",
        interval="standard errors clustered by source and target unit",
        chance="against the true network with its units relabelled",
        counted="pairs of units",
    )  # fmt: skip


def primary_of_connections(facts: Mapping[str, Any]) -> str:
    """By what is known. facts : connections, number of true ones, None where they are not known"""
    known = facts.get("connections")
    if known is None:
        return "split_half_over_null"  # slow drive is reproduced by both halves as well, but also by the null
    return "average_precision" if known else "false_positive_rate"

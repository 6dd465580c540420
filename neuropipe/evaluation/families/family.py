"""What a score family declares: metrics with unit and direction, the primary metric, baselines, plots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf, isnan
from typing import TYPE_CHECKING, Any

from neuropipe.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Columns of the leaderboard that no metric or baseline may be called.
RESERVED = frozenset(
    {"session", "scheme", "rank", "model", "family", "variant", "state", "metric", "score", "ci_low", "ci_high"}
    | {"p_value", "reference", "over", "over_low", "over_high", "n", "note"}
)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number that says how good a model is.

    label : as people call it, short enough to head a column; unit : "" for a number without one; lower_bound,
    upper_bound : the values it can take; digits : decimals that are printed; proper : it is a proper score or free of
    thresholds, so that it can't be raised by always answering the commonest class
    """

    label: str
    unit: str = ""
    lower_is_better: bool = False
    lower_bound: float = -inf
    upper_bound: float = inf
    digits: int = 3
    proper: bool = False

    @property
    def axis_label(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float) -> str:
        """The value with the metric's own number of digits; empty for NaN."""
        return "" if isnan(value) else f"{value:.{self.digits}f}"


@dataclass(frozen=True, kw_only=True)
class ScoreFamily:
    """One kind of score, such as that of classifiers.

    name : as in `evaluation/<...>` records; title : what is scored, for headings
    metrics : name -> metric, the rows of a scores table. Where sessions of one data set have different primary metrics,
    they are compared by the one declared last, so declare a metric that is valid everywhere after one that is not.
    choose_primary : facts about the labels or targets -> name of the metric that models are ranked by; by default the
    first metric
    baselines : name -> label; their scores are the rows `<metric>_<baseline>`
    judged : metrics, each with a p-value, that tell whether anything in a session beats chance; by default the proper
    ones
    reference_model : model that the others are compared with in the same session; difference : (predictions, those of
    the reference, metric) -> table of paired differences, one row per scheme
    comparison_model : model that the others are compared with across sessions
    columns : metrics shown beside the primary one, the most important first
    explanation : sentences under a table that say what its numbers are
    schemes : what a scheme is called in headings; interval, chance : what intervals and p-values are of, for headings
    of columns; counted : what `n` counts
    draw : (scores of one evaluation, primary metric, details) -> further plots by name, beside that of the primary
    metric and its baselines
    """

    name: str
    metrics: Mapping[str, Metric]
    title: str = ""
    choose_primary: Callable[[Mapping[str, Any]], str] | None = None
    baselines: Mapping[str, str] = field(default_factory=dict)
    judged: tuple[str, ...] | None = None
    reference_model: str | None = None
    difference: "Callable[[pd.DataFrame, pd.DataFrame, str], pd.DataFrame] | None" = None
    comparison_model: str | None = None
    columns: tuple[str, ...] = ()
    explanation: str = ""
    schemes: str = "{} folds"
    interval: str = "block bootstrap over out-of-fold samples"
    chance: str = "against labels or behaviour shifted in time"
    counted: str = "predictions"
    draw: "Callable[[pd.DataFrame, str, Mapping[str, Any]], dict[str, Figure]] | None" = None

    def __post_init__(self) -> None:
        if not self.metrics:
            raise BadInput(f"the score family {self.name!r} has no metrics; declare at least one")
        taken = RESERVED & {*self.metrics, *self.baselines} | set(self.metrics) & set(self.baselines)
        if taken:
            raise BadInput(
                f"the score family {self.name!r} can't call a metric or baseline {', '.join(sorted(taken))}: the "
                "leaderboard has a column of that name"
            )
        unknown = [name for name in (*(self.judged or ()), *self.columns) if name not in self.metrics]
        if unknown:
            raise BadInput(f"the score family {self.name!r} names {', '.join(unknown)}, no metric of it")
        if self.judged is None:
            object.__setattr__(self, "judged", tuple(name for name, each in self.metrics.items() if each.proper))

    def primary(self, facts: Mapping[str, Any] | None = None) -> str:
        """Name of the metric that models are ranked by, given facts about the labels or targets."""
        chosen = self.choose_primary(facts or {}) if self.choose_primary else next(iter(self.metrics))
        if chosen not in self.metrics:
            raise BadInput(f"the score family {self.name!r} chose the metric {chosen!r}, which it doesn't declare")
        return chosen

    def metric(self, name: str) -> Metric:
        """What is declared of a metric; `r2_x` and `accuracy_majority` are declared with `r2` and `accuracy`."""
        declared = [known for known in self.metrics if name == known or name.startswith(f"{known}_")]
        if not declared:
            raise BadInput(f"{self.name} has no metric {name!r}; it has {', '.join(self.metrics)}")
        return self.metrics[max(declared, key=len)]

    def common_primary(self, metrics: "set[str]") -> str:
        """Of the primary metrics of several sessions, the one that all can be compared by."""
        return [name for name in self.metrics if name in metrics][-1]

    def plots(
        self, scores: "pd.DataFrame", primary: str | None = None, details: Mapping[str, Any] | None = None
    ) -> "dict[str, Figure]":
        """Plots of one evaluation by name.

        scores : columns scheme, metric, value, ci_low, ci_high, p_value, n; primary : metric the model is ranked by;
        details : what the family's own plots need beyond the table
        """
        metric = primary or self.primary()
        drawn = {"scores": self._score_with_baselines(scores, metric)}
        return drawn | (self.draw(scores, metric, details or {}) if self.draw is not None else {})

    def _score_with_baselines(self, scores: "pd.DataFrame", metric: str) -> "Figure":
        from neuropipe.plots.scores import score_with_baselines

        declared = self.metric(metric)
        bounds = (declared.lower_bound, declared.upper_bound)
        return score_with_baselines(
            scores, metric, self.baselines, label=declared.axis_label, bounds=bounds, digits=declared.digits
        )

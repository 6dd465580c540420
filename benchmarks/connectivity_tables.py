"""Tables of connectivity: methods x difficulty, from the results."""

from collections.abc import Mapping

from neuropipe.connectivity import available

Rows = Mapping[str, Mapping[str, str]]  # name of a result -> its row

DIFFICULTIES = ("standard", "hard")
README = ("ensemble", "poisson_glm", "zeta", "cross_correlogram")
TO_COME = "`st_gat`"


def table(results: Rows) -> str:
    """Every method: how well it finds true connections, and how often it finds false ones."""
    heads = ["method", *(f"{score}, {difficulty}" for difficulty in DIFFICULTIES for score in ("AP", "AUROC"))]
    heads += ["right signs", "delay error, ms", "p < .05 without connections", "s, standard"]
    lines = _head(heads)
    for method in _ranked(results):
        cells = [
            _interval(results, f"{method}, {metric}: {difficulty}")
            for difficulty in DIFFICULTIES
            for metric in ("average_precision", "roc_auc")
        ]
        cells += [
            _value(results, f"{method}, sign_accuracy: standard", ".2f"),
            _value(results, f"{method}, delay_error: standard", ".1f"),
            _value(results, f"{method}, false_positive_rate: unconnected", ".3f"),
            _value(results, f"{method}, seconds: standard", ".0f"),
        ]
        lines.append(f"| `{method}`{'*' if available()[method].facts['calibrated'] else ''} | {' | '.join(cells)} |")
    return "\n".join([*lines, f"| {TO_COME} | {' | '.join(['to come'] + [''] * (len(heads) - 2))} |"])


def short_table(results: Rows) -> str:
    """A few methods, for the README."""
    lines = _head(["method", *(f"AP, {difficulty} networks" for difficulty in DIFFICULTIES)])
    for method in _ranked(results):
        if method in README:
            cells = [_interval(results, f"{method}, average_precision: {each}") for each in DIFFICULTIES]
            lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _head(heads: list[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]


def _ranked(results: Rows) -> list[str]:
    """Methods that were measured, the best on standard networks first."""
    scored = {name: results.get(f"{name}, average_precision: standard") for name in available()}
    return sorted((name for name, row in scored.items() if row), key=lambda name: -float(scored[name]["value"]))


def _value(results: Rows, name: str, digits: str) -> str:
    row = results.get(name)
    return "" if row is None else f"{float(row['value']):{digits}}"


def _interval(results: Rows, name: str) -> str:
    row = results.get(name)
    if row is None:
        return ""
    return f"{float(row['value']):.3f} ({float(row['low']):.2f} to {float(row['high']):.2f})"

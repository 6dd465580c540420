"""The tables of docs/fluorescence.md, from docs/results/fluorescence.csv."""

import re
from collections.abc import Mapping

Rows = Mapping[str, Mapping[str, str]]  # name of a result -> its row of the CSV


def tables(rows: Rows) -> str:
    """Deconvolution on true spikes by data set; the simulated movie; what is decoded from it."""
    return "\n\n".join(_table(*part) for part in (_true_spikes(rows), _movie(rows), _decoded(rows)))


def _true_spikes(rows: Rows) -> tuple[list[str], list[list[str]]]:
    found = [re.fullmatch(r"(\w+), correlation: (\w+)", name) for name in rows]
    methods = list(dict.fromkeys(match[1] for match in found if match))
    datasets = list(dict.fromkeys(match[2] for match in found if match))
    named = [{"learned": "`learned`, no independent test"}.get(method, f"`{method}`") for method in methods]
    body = [
        [dataset.upper(), *(_cell(rows, f"{method}, correlation: {dataset}") for method in methods)]
        for dataset in datasets
    ]
    return ["correlation with true spikes, 80 ms", *named], body


def _movie(rows: Rows) -> tuple[list[str], list[list[str]]]:
    names = [name for name in rows if name.startswith("movie") and not name.startswith("movie, accuracy")]
    return ["simulated movie", "measured"], [[re.sub("^movie[:,] ", "", name), _cell(rows, name)] for name in names]


def _decoded(rows: Rows) -> tuple[list[str], list[list[str]]]:
    sources = ("true spikes", "recovered events")
    start, end = "movie, accuracy: ", f" from {sources[0]}"
    decoders = [name[len(start) : -len(end)] for name in rows if name.startswith(start) and name.endswith(end)]
    body = [[f"`{each}`", *(_cell(rows, f"{start}{each} from {source}") for source in sources)] for each in decoders]
    best = _cell(rows, f"{start}best attainable")
    return [f"choice decoded (best attainable {best})", *(f"from {source}" for source in sources)], body


def _cell(rows: Rows, name: str) -> str:
    if name not in rows:
        return ""
    row = rows[name]
    value = float(row["value"])
    said = f"{value:.3f}" if value < 10 else f"{value:.0f}"
    return f"{said} ({float(row['low']):.2f} to {float(row['high']):.2f})" if row["low"] else said


def _table(heads: list[str], body: list[list[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (heads, *body)]
    return "\n".join([lines[0], "|---" * len(heads) + "|", *lines[1:]])

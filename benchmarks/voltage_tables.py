"""Tables: sorters on voltage whose truth is known, what a decoder loses by sorting, categories from BOLD."""

from collections.abc import Mapping

Rows = Mapping[str, Mapping[str, str]]  # name of a result -> its row

CONDITIONS = ("no motion", "motion of 30 um")
SCORES = {"median accuracy": ".3f", "units with accuracy of .8 or more": ".2f", "false units": ".2f"}


def sorters(results: Rows) -> str:
    """Means over seeds, with the range of the median accuracy."""
    heads = ["sorter", *(f"{score}, {condition}" for condition in CONDITIONS for score in SCORES)]
    lines = [f"| {' | '.join([*heads, 'seconds, no motion'])} |", "|---" * (len(heads) + 1) + "|"]
    measured = (name.removeprefix("median accuracy: ") for name in results if name.startswith("median accuracy: "))
    for name in dict.fromkeys(each.partition(",")[0] for each in measured):
        cells = [
            _mean(results, f"{score}: {name}, {condition}", digits)
            for condition in CONDITIONS
            for score, digits in SCORES.items()
        ]
        if all(cells):
            seconds = _mean(results, f"seconds from voltage to curated units: {name}, no motion", ".0f")
            lines.append(f"| `{name}` | {' | '.join([*cells, seconds])} |")
    return "\n".join(lines)


def decoders(results: Rows) -> str:
    """Accuracy from true and from sorted spikes of the same sessions."""
    lines = ["| decoder | from true spikes | from sorted spikes | points lost |", "|---|---|---|---|"]
    for name in (each.removeprefix("points lost by sorting: ") for each in results if each.startswith("points lost")):
        cells = [_mean(results, f"accuracy: {name} from {spikes} spikes", ".3f") for spikes in ("true", "sorted")]
        lost = results[f"points lost by sorting: {name}"]
        cells.append(f"{float(lost['value']):.1f} ({float(lost['low']):.1f} to {float(lost['high']):.1f})")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def haxby(results: Rows) -> str:
    """Accuracies, the best first, with intervals where there are some."""
    start = "Haxby, accuracy: "
    rows = sorted(
        (row for name, row in results.items() if name.startswith(start)), key=lambda row: -float(row["value"])
    )
    lines = ["| decoder | accuracy | |", "|---|---|---|"]
    for row in rows:
        name, interval = row["result"].removeprefix(start), ""
        if row["low"]:
            interval = f" ({float(row['low']):.2f} to {float(row['high']):.2f})"
        name = name.replace("scikit-learn, ", "scikit-learn: `") + "`" if "scikit-learn" in name else f"`{name}`"
        p = row["note"].rpartition("; ")[2].removesuffix(" against labels moved in time")
        lines.append(f"| {name} | {float(row['value']):.3f}{interval} | {p if p.startswith('p') else ''} |")
    return "\n".join(lines)


def _mean(results: Rows, name: str, digits: str) -> str:
    """The mean over seeds, and from the lowest to the highest; empty where none was measured."""
    values = [float(row["value"]) for result, row in results.items() if result.startswith(f"{name}, seed ")]
    if not values:
        return ""
    mean = f"{sum(values) / len(values):{digits}}"
    return f"{mean} ({min(values):{digits}} to {max(values):{digits}})" if len(values) > 1 else mean

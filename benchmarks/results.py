"""`make results TOPIC=baselines`: measure every number of a topic and write docs/results/<topic>.csv.

What the pipeline makes is read from the store where it is current; timings are measured anew. The tables of README and
docs are made from the CSV: `python -m benchmarks.results --pages` writes them, and a test compares them.
"""

import argparse
import csv
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmarks import connectivity_tables, fluorescence_tables, headline, voltage_tables
from neuropipe.decoders import available
from resources.store.stage import installed_version

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
PAGES = (
    ROOT / "README.md",
    *(
        ROOT / "docs" / f"{name}.md"
        for name in ("connectivity", "decoders", "results", "fields", "fluorescence", "sorting")
    ),
)
RIVAL = "logistic_regression"  # the decoder that the others are compared with
TOOLS = ("numpy", "scikit-learn", "xgboost", "torch", "oasis-deconv", "suite2p", "spikeinterface", "zarr", "dagster")


@dataclass(frozen=True)
class Result:
    """One measured number. low, high : its 95 % interval, if it has one; asked : what it has to reach."""

    result: str
    value: float
    low: float | None = None
    high: float | None = None
    asked: str = ""
    seed: int | None = None
    command: str = ""
    note: str = ""


def write(topic: str, measured: Iterable[Result]) -> Path:
    path = RESULTS / f"{topic}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    commit = _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "--", "*.py") else "")
    versions = " ".join(f"{tool}={installed_version(tool)}" for tool in TOOLS)
    with path.open("w", newline="") as file:
        columns = [*(column.name for column in fields(Result)), "commit", "versions"]
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        for each in measured:
            row = {name: _text(value) for name, value in asdict(each).items()}
            table.writerow({**row, "commit": commit, "versions": versions})
            print(f"{each.result:60} {_text(each.value):>10}  {each.asked}", flush=True)
    return path


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout.strip()


def results(topic: str) -> dict[str, dict[str, str]]:
    """Name of a result -> its row, as last measured."""
    with (RESULTS / f"{topic}.csv").open() as file:
        return {row["result"]: row for row in csv.DictReader(file)}


def readme_table(topic: str) -> str:
    """The README's table of a topic, from its CSV."""
    found = results(topic)
    scored = [name for name in found if name.startswith("accuracy: ")]
    models = dict.fromkeys(name.removeprefix("accuracy: ").partition(", ")[0] for name in scored)
    columns = {
        "rolled folds": ("accuracy: {}, rolled", ".3f", ".2f"),
        f"over {RIVAL}": (f"accuracy over {RIVAL}: {{}}, rolled", "+.3f", "+.2f"),
        "blocked folds, gap 1": ("accuracy: {}, blocked", ".3f", ".2f"),
    }
    lines = [f"| decoder | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for model in models:
        cells = [_cell(found.get(name.format(model)), value, bound) for name, value, bound in columns.values()]
        lines.append(f"| {model} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: dict[str, str] | None, value: str, bound: str) -> str:
    """A value with its interval; empty where none was measured."""
    if row is None:
        return ""
    return f"{float(row['value']):{value}} ({float(row['low']):{bound}} to {float(row['high']):{bound}})"


def decoder_table() -> str:
    """All decoders with their summaries."""
    lines = ["| decoder | decodes | what it is |", "|---|---|---|"]
    for name, plugin in available().items():
        decoded = {"classification": "labels", "regression": "behaviour"}[plugin.facts["task"]]
        lines.append(f"| `{name}`{' *slow*' if plugin.facts.get('slow') else ''} | {decoded} | {plugin.summary} |")
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """A page with its tables made from the results and the decoders."""

    def remade(match: re.Match) -> str:
        return f"{match[1]}{TABLES[match[2]]()}\n{match[3]}"

    return re.sub(rf"(<!-- ({'|'.join(TABLES)}) -->\n).*?(<!-- /\w+ -->)", remade, page, flags=re.DOTALL)


TABLES = {
    "decoders": decoder_table,
    "results:headline": lambda: headline.table(results("decoders")),
    "results:decoders": lambda: readme_table("decoders"),
    "results:connectivity": lambda: connectivity_tables.table(results("connectivity")),
    "results:connections": lambda: connectivity_tables.short_table(results("connectivity")),
    "results:sorters": lambda: voltage_tables.sorters(results("voltage")),
    "results:sorting-cost": lambda: voltage_tables.decoders(results("voltage")),
    "results:haxby": lambda: voltage_tables.haxby(results("voltage")),
    "results:fluorescence": lambda: fluorescence_tables.tables(results("fluorescence")),
}


def main() -> None:
    from benchmarks.topics import baselines, connectivity, decoders, fluorescence, voltage

    topics: dict[str, Callable[[], Iterable[Result]]] = {
        "baselines": baselines.measure,
        "connectivity": connectivity.measure,
        "decoders": decoders.measure,
        "fluorescence": fluorescence.measure,
        "voltage": voltage.measure,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topic", nargs="?", choices=topics)
    parser.add_argument("--pages", action="store_true", help="only write the tables of the pages")
    options = parser.parse_args()
    if not options.pages:
        if options.topic is None:
            sys.exit(f"name a topic: {', '.join(topics)}")
        print(f"wrote {write(options.topic, topics[options.topic]())}")
    for page in PAGES:
        page.write_text(with_tables(page.read_text()))


if __name__ == "__main__":
    main()

"""Plain text tables that fit the terminal, 80 columns where there is none; and the same rows as JSON.

A heading never wraps and a cell is never cut: one column may wrap, optional columns are left out when a table is too
wide, and where nothing else helps the wrapping column moves to lines of its own.
"""

import json
import math
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

import click

WIDTH, GAP, INDENT = 80, 2, 4
LONGEST_WORD, SENTENCE = 36, 32  # characters: of a word that is not broken, beside which a sentence can be read
COLOURS = {"hit": "green", "run": "yellow", "n/a": None, "failed": "red", "stale": "yellow", "missing": "yellow"}

Rows = Sequence[dict[str, Any]]


def width() -> int:
    """Columns of the terminal; 80 for a pipe or a log."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def echo_json(rows: Rows) -> None:
    click.echo(json.dumps([{key: plain(value) for key, value in row.items()} for row in rows], indent=1))


def echo_table(rows: Rows, *, title: str = "", wraps: str = "", optional: Sequence[str] = ()) -> None:
    """Print rows under the keys of the first one.

    wraps : the column that may take several lines; optional : columns that may be left out, the first to go last
    """
    if title:
        echo_title(title)
    for line in lines(rows, width(), wraps=wraps, optional=optional):
        click.echo(line)


def echo_title(text: str) -> None:
    for line in textwrap.wrap(text, width(), break_long_words=False, break_on_hyphens=False):
        click.echo(click.style(line, bold=True))


def echo_note(text: str, indent: int = 0, hanging: int = 0) -> None:
    """A paragraph, wrapped to the terminal. hanging : by how much all lines but the first are indented further"""
    first, other = " " * indent, " " * (indent + hanging)
    for line in textwrap.wrap(
        text, width(), initial_indent=first, subsequent_indent=other, break_long_words=False, break_on_hyphens=False
    ):
        click.echo(line)


def lines(rows: Rows, limit: int, *, wraps: str = "", optional: Sequence[str] = ()) -> list[str]:
    """The lines of a table no wider than `limit`, unless its other columns alone are wider."""
    if not rows:
        return []
    names = [name for name in rows[0] if name not in optional or any(cell(row[name]) for row in rows)]
    cells = {name: [cell(row[name]) for row in rows] for name in names}
    wide = {name: max(len(name), *map(len, texts)) for name, texts in cells.items()}
    least = _narrowest(cells[wraps], last=names[-1] == wraps) if wraps in cells else 0
    for name in reversed(optional):
        if _total({**wide, wraps: least} if wraps in wide else wide) > limit and name in wide:
            del wide[name]
    rest = limit - _total({name: size for name, size in wide.items() if name != wraps}) - GAP
    beside = wraps in wide and rest >= least
    if wraps in wide:
        wide[wraps] = min(wide[wraps], max(rest, 1))
    shown = [name for name in wide if name != wraps or beside]
    right = {name for name in shown if all(_is_number(row[name]) for row in rows)}
    made = [click.style(_joined([_padded(name, wide[name], name in right) for name in shown]), bold=True)]
    for number, row in enumerate(rows):
        made += _row({name: cells[name][number] for name in wide}, row, shown, wide, right, wraps, limit)
    return made


def _row(
    texts: dict[str, str], row: dict, shown: list[str], wide: dict[str, int], right: set[str], wraps: str, limit: int
) -> list[str]:
    parts = textwrap.wrap(texts[wraps], wide[wraps]) or [""] if wraps in shown else [""]
    made = []
    for line, part in enumerate(parts):
        padded = []
        for name in shown:
            text = part if name == wraps else texts[name] if line == 0 else ""
            padded.append(_coloured(_padded(text, wide[name], name in right), row[name]))
        made.append(_joined(padded))
    if wraps in texts and wraps not in shown:
        space = " " * INDENT
        made += textwrap.wrap(texts[wraps], limit, initial_indent=space, subsequent_indent=space)
    return made


def cell(value: Any) -> str:
    """A value as it is printed; empty for None and NaN."""
    value = plain(value)
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else " ".join(str(value).split())


def plain(value: Any) -> Any:
    """A value that JSON can hold: Python's own numbers, None for NaN."""
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _narrowest(texts: list[str], last: bool) -> int:
    """Characters that a wrapping column needs: its longest word, unless that is very long; more for sentences."""
    words = [len(word) for text in texts for word in text.split()]
    sentence = min(max(map(len, texts)), SENTENCE) if last else 1
    return max(sentence, min(max(words, default=1), LONGEST_WORD))


def _total(wide: dict[str, int]) -> int:
    return sum(wide.values()) + GAP * (len(wide) - 1)


def _joined(parts: list[str]) -> str:
    return (" " * GAP).join(parts).rstrip()


def _padded(text: str, size: int, right: bool) -> str:
    return text.rjust(size) if right else text.ljust(size)


def _is_number(value: Any) -> bool:
    value = plain(value)
    if isinstance(value, str):
        return not value or value.lstrip("+-").replace(".", "", 1).isdigit()
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _coloured(text: str, value: Any) -> str:
    colour = COLOURS.get(value) if isinstance(value, str) else None
    return click.style(text, fg=colour) if colour else text

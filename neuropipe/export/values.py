"""Columns of tables as arrays of one plain type, which every format can hold."""

from collections.abc import Container, Iterable

import pandas as pd


def plain(column: pd.Series):
    """(row,) bool, integers, float64 or text; missing text is "", anything else is written as its text."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    known = [value for value in values if not _missing(value)]
    if known and all(isinstance(value, bool | int | float) for value in known):
        return pd.to_numeric(column, errors="coerce").to_numpy("f8")
    return column.map(lambda value: "" if _missing(value) else str(value).replace("\0", "")).to_numpy(str)


def safe_names(names: Iterable[object], taken: Container[str] = ()) -> list[str]:
    """Names that files and HDF5 take, each once: no slash, colon or control character, and none of only dots.

    taken : names that have another meaning; such a name, and one that stands already, gets `_` after it
    """
    found: list[str] = []
    for name in names:
        safe = "".join("_" if each in "/\\:" or not each.isprintable() else each for each in str(name))
        safe = safe if safe.strip(". ") else "_" * max(1, len(safe))
        while safe in taken or safe in found:
            safe += "_"
        found.append(safe)
    return found


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)

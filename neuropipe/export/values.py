"""Columns of tables as arrays of one plain type, which every format can hold."""

import pandas as pd


def plain(column: pd.Series):
    """(row,) bool, integers, float64 or text; missing text is "", anything else is written as its text."""
    values = column.to_numpy()
    if values.dtype.kind in "biuf":
        return values
    known = [value for value in values if not _missing(value)]
    if known and all(isinstance(value, bool | int | float) for value in known):
        return pd.to_numeric(column, errors="coerce").to_numpy("f8")
    return column.map(lambda value: "" if _missing(value) else str(value)).to_numpy(str)


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)

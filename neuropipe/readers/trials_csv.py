"""Reads the trials beside a recording from trials.csv, and other tables with a row of names."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed

TRIALS = "trials.csv"


def trials_of(files: Mapping[str, Path]) -> pd.DataFrame | None:
    """The table of trials.csv beside a recording; None where there is none."""
    if TRIALS not in files:
        return None
    table = read_table(files[TRIALS], TRIALS)
    if "start" in table and not pd.api.types.is_numeric_dtype(table["start"]):
        raise BadInput(
            f"{TRIALS}: start holds words, such as {str(table['start'].iloc[0])[:40]!r}; give times in s since the "
            "recording began"
        )
    if "start" not in table:
        raise BadInput(f"{TRIALS} needs a column start, s, of when each trial begins; it has {listed(map(str, table))}")
    starts = table["start"].to_numpy(np.float64)
    if not np.isfinite(starts).all() or np.any(np.diff(starts) < 0):
        raise BadInput(f"{TRIALS}: the starts of trials must be finite and ascend; sort its rows by start")
    return table


def read_table(path: Path, name: str) -> pd.DataFrame:
    """A csv file with a row of names. name : what errors call it"""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{name} can't be read as a table with a row of names: {error}") from error
    if len(table) == 0:
        raise BadInput(f"{name} holds no rows")
    return table

"""Reads a user's own dF/F from a .csv file: one row per frame, one column per ROI, and optionally a column `time`, s.

The first row names the columns. An empty field or NaN marks a frame in which the ROI was not recorded.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import only_file
from neuropipe.readers.frames import as_dff, as_frame_times, frame_times_at
from neuropipe.recording import Fluorescence, Recording
from neuropipe.registry import reader

TIME = "time"


@reader("traces_csv")
def read(files: Mapping[str, Path], *, frame_rate: float | None = None) -> Recording:
    """A user's own dF/F in a .csv file: one column per ROI, and either a column `time` (s) or frame_rate (Hz)."""
    path, file = only_file(files, "a .csv file"), next(iter(files))
    table = _table(path, file)
    rois = [name for name in table if name != TIME]
    if not rois:
        raise BadInput(f"{file} has no column but {TIME}; give one an ROI")
    if (TIME in table) == (frame_rate is not None):
        raise BadInput(
            f"{file} has a column {TIME}, and frame_rate is given as well; keep one"
            if TIME in table
            else f"{file} does not say when its frames were taken: add a column {TIME}, s, or give `frame_rate: `"
            f", Hz, in the parameters; its columns are {', '.join(rois)}"
        )
    if TIME in table:
        times = as_frame_times(table[TIME].to_numpy(), len(table), f"{file}: {TIME}")
    else:
        times = frame_times_at(len(table), frame_rate, file)
    return Recording(
        units=pd.DataFrame({"roi": rois}),
        fluorescence=Fluorescence(as_dff(table[rois].to_numpy(np.float64), file), times),
    )


def _table(path: Path, file: str) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} can't be read as text: {error}") from error
    lines = text.splitlines()
    if len(lines) < 2:
        raise BadInput(f"{file} holds {len(lines)} lines; expected a row of names and one row a frame")
    if not text.endswith("\n"):
        raise BadInput(f"{file}: the last line is not ended, so it may be cut short; if it is whole, end it")
    names = [name.strip().strip('"') for name in lines[0].split(",")]
    if len(set(names)) < len(names) or "" in names:
        raise BadInput(f"{file}: its first row must name each column once, found {lines[0][:80]!r}")
    values = np.empty((len(lines) - 1, len(names)))
    for row, line in enumerate(lines[1:]):
        try:
            numbers = [float(field) if field.strip() else np.nan for field in line.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != len(names):
            raise BadInput(f"{file}, line {row + 2}: expected {len(names)} numbers between commas, found {line[:60]!r}")
        values[row] = numbers
    return pd.DataFrame(values, columns=names)

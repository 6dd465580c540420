"""Reads sessions of Steinmetz et al. (2019) from the R files of a statistics course (STA 141A, UC Davis).

Each file is one R list: `spks`, a (unit, bin) matrix of spike counts per trial; `time`, the centres of these bins on
the recording's clock; `contrast_left`, `contrast_right` and `feedback_type`, one value per trial; `brain_area`, one per
unit. The first bin begins at the onset of the stimulus.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import (
    as_counts,
    as_event_times,
    as_labels,
    as_trial_counts,
    check_time_order,
    listed,
    only_file,
)
from neuropipe.recording import Recording
from neuropipe.registry import reader

FIELDS = ("spks", "time", "contrast_left", "contrast_right", "feedback_type", "brain_area")
# s; bin centres are stored on a clock that runs for an hour, so they are evenly spaced up to rounding
TIME_TOLERANCE = 1e-6


@reader("steinmetz_rds", tools=("rdata",))
def read(files: Mapping[str, Path]) -> Recording:
    """Counts from stimulus onset, contrasts, feedback, and the brain area of each unit.

    trials : start, stop, stimulus (s, on the recording's clock), contrast_left, contrast_right,
        contrast_difference (right minus left, so negative when the left stimulus is stronger),
        feedback (+1 reward, -1 white noise)
    units : brain_area (Allen acronym; 'root' where the histology gave none)
    """
    path = only_file(files, "an R .rds file")
    session = _parse(path)
    matrices = _matrices(session["spks"], f"{path.name}: spks")
    edges, bin_width = _bin_edges(session["time"], matrices, f"{path.name}: time")
    counts = np.stack(matrices).transpose(0, 2, 1)
    published = as_trial_counts(counts, bin_width=bin_width, start=0.0, where=f"{path.name}: spks")
    n_trials, _, n_units = counts.shape

    def column(name: str) -> np.ndarray:
        return as_labels(_array(session[name], f"{path.name}: {name}"), n_trials, f"{path.name}: {name}")

    left, right = column("contrast_left").astype(float), column("contrast_right").astype(float)
    areas = _array(session["brain_area"], f"{path.name}: brain_area")
    return Recording(
        units=pd.DataFrame({"brain_area": as_labels(areas, n_units, f"{path.name}: brain_area", per="unit")}),
        trials=pd.DataFrame(
            {
                "start": edges[:, 0],
                "stop": edges[:, 1],
                "stimulus": edges[:, 0],
                "contrast_left": left,
                "contrast_right": right,
                "contrast_difference": right - left,
                "feedback": column("feedback_type"),
            }
        ),
        counts=published,
    )


def _parse(path: Path) -> Mapping[str, Any]:
    from rdata.conversion import convert
    from rdata.parser import parse_file

    try:
        # Without constructors, an object of any R class is read as the plain data it consists of, which is checked
        # here. R code in a file is read as a description and never run.
        session = convert(parse_file(path, extension=".rds"), constructor_dict={})
    except Exception as error:  # rdata raises many kinds of errors for damaged files
        raise BadInput(f"{path.name} can't be read as an R .rds file: {type(error).__name__}: {error}") from error
    if not isinstance(session, Mapping):
        raise BadInput(f"{path.name} holds a {type(session).__name__}; expected an R list with {', '.join(FIELDS)}")
    missing = [name for name in FIELDS if name not in session]
    if missing:
        raise BadInput(f"{path.name} lacks {', '.join(missing)}; it has {listed(map(str, session))}")
    return session


def _array(value: Any, where: str) -> np.ndarray:
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        found = "missing values (NA)" if isinstance(value, np.ma.MaskedArray) else type(value).__name__
        raise BadInput(f"{where} is not a plain R vector or matrix: found {found}")
    return value


def _matrices(value: Any, where: str) -> list[np.ndarray]:
    """One (unit, bin) matrix of counts per trial, all of one shape, each in a small type to save memory."""
    if not isinstance(value, list) or not value:
        raise BadInput(f"{where} must be an R list with one matrix a trial, found {type(value).__name__}")
    matrices = [_array(matrix, f"{where}[[{trial}]]") for trial, matrix in enumerate(value, start=1)]
    shapes = {matrix.shape for matrix in matrices}
    if len(shapes) != 1 or matrices[0].ndim != 2:
        raise BadInput(f"{where} must hold (unit, bin) matrices of one shape, found {sorted(shapes)[:5]}")
    return [as_counts(matrix, f"{where}[[{trial}]]") for trial, matrix in enumerate(matrices, start=1)]


def _bin_edges(value: Any, matrices: list[np.ndarray], where: str) -> tuple[np.ndarray, float]:
    """First left and last right edge of each trial's bins, (trial, 2) s, and the bin width, s, from bin centres."""
    if not isinstance(value, list) or len(value) != len(matrices):
        found = len(value) if isinstance(value, list) else type(value).__name__
        raise BadInput(f"{where} must be an R list with one vector for each of {len(matrices)} trials, found {found}")
    n_bins = matrices[0].shape[1]
    centres = np.stack([as_event_times(_array(row, where).ravel(), n_bins, where) for row in value])
    if n_bins < 2:
        raise BadInput(f"{where}: one bin a trial says no bin width; expected two bins or more")
    bin_width = round(float(np.median(np.diff(centres, axis=1))), 6)
    expected = centres[:, :1] + bin_width * np.arange(n_bins)
    if bin_width <= 0 or np.abs(centres - expected).max() > TIME_TOLERANCE:
        raise BadInput(f"{where}: the bin centres are not evenly spaced by {bin_width} s in every trial")
    edges = np.column_stack([centres[:, 0] - bin_width / 2, centres[:, -1] + bin_width / 2])
    check_time_order(edges[:, 0], where)
    return edges, bin_width

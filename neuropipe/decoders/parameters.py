"""Parameters that several decoders share: windows of the trial, and the space that is searched."""

from numbers import Real
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.parameters import COUNT, FOLDS, EachOf, Parameters, each_of


class EachWindow(EachOf):
    """The parameter is a tuple of windows (start, stop), as fractions of the trial."""

    def check_value(self, name: str, value: Any, model: str) -> None:
        if not _is_window(value):
            raise BadInput(
                f"The {name!r} parameter of {model} must hold windows (start, stop) with 0 <= start < stop <= 1. "
                f"Got {value!r} instead."
            )


def _is_window(value: Any) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(end, Real) for end in value):
        return False
    return 0 <= value[0] < value[1] <= 1


class TrialWindows(Parameters):
    """The parameter of decoders that choose, inside the training trials, which part of the trial they read.

    windows : parts of the trial, (start, stop) as fractions of it
    """

    _parameter_constraints = {"windows": EachWindow(())}

    windows: tuple[tuple[float, float], ...] = (
        (0.0, 1.0),
        (0.0, 0.5),
        (0.5, 1.0),
        (0.0, 0.25),
        (0.25, 0.5),
        (0.5, 0.75),
        (0.75, 1.0),
        (0.875, 1.0),
    )


class SearchSpace(TrialWindows):
    """The parameters of decoders that also choose the bin width, and average the best of the models they compare.

    n_bins : numbers of bins that a window is cut into; n_inner_folds : blocks of training trials (see
    `inner_folds.py`); n_averaged : models averaged
    """

    _parameter_constraints = {"n_bins": each_of(COUNT), "n_inner_folds": [FOLDS], "n_averaged": [COUNT]}

    n_bins: tuple[int, ...] = (1, 2, 4)
    n_inner_folds: int = 4
    n_averaged: int = 8

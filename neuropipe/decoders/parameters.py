"""How decoders declare their parameters: once, as annotated attributes of a class."""

from dataclasses import dataclass
from typing import Any, dataclass_transform


@dataclass_transform(kw_only_default=True, eq_default=False)
class Parameters:
    """Annotated attributes of a subclass, and of its bases, are its constructor's keywords, as in a dataclass.

    What decoders have in common is declared once, and each declares only what differs.
    """

    def __init_subclass__(cls, **keywords: Any):
        super().__init_subclass__(**keywords)
        dataclass(kw_only=True, eq=False, repr=False)(cls)  # equality and text are scikit-learn's


class TrialWindows(Parameters):
    """Of decoders that choose, inside the training trials, which part of a trial they see.

    windows : parts of the trial, (start, stop) as fractions of it
    """

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


class ViewParameters(TrialWindows):
    """Of decoders that choose how many bins they see it in as well, and average the best of what they choose among.

    n_bins : numbers of bins that a window is cut into; n_inner_folds : blocks of training trials (see
    `inner_folds.py`); n_averaged : models averaged
    """

    n_bins: tuple[int, ...] = (1, 2, 4)
    n_inner_folds: int = 4
    n_averaged: int = 8

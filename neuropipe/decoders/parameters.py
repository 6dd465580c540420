"""Constructor parameters of decoders: declared once as class attributes, with the values that they may take."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, dataclass_transform

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, validate_parameter_constraints

from neuropipe.decoders.inputs import bad_input
from neuropipe.errors import BadInput


@dataclass_transform(kw_only_default=True, eq_default=False)
class Parameters:
    """Annotated attributes of a subclass, and of its bases, are its constructor's keywords, as in a dataclass.

    Shared parameters are declared once; a decoder declares only what differs.
    """

    def __init_subclass__(cls, **keywords: Any):
        super().__init_subclass__(**keywords)
        dataclass(kw_only=True, eq=False, repr=False)(cls)  # equality and text are scikit-learn's


@dataclass(frozen=True)
class EachOf:
    """The parameter is a tuple whose values each meet one of scikit-learn's constraints. at_least : smallest length"""

    constraints: tuple[Any, ...]
    at_least: int = 1

    def check(self, name: str, values: Any, decoder: str) -> None:
        if not isinstance(values, tuple | list) or len(values) < self.at_least:
            wanted = f"a tuple of at least {self.at_least} value{'s' * (self.at_least != 1)}"
            raise BadInput(f"The {name!r} parameter of {decoder} must be {wanted}. Got {values!r} instead.")
        for value in values:
            self.check_value(name, value, decoder)

    def check_value(self, name: str, value: Any, decoder: str) -> None:
        with bad_input():
            validate_parameter_constraints({name: list(self.constraints)}, {name: value}, decoder)


class EachWindow(EachOf):
    """The parameter is a tuple of windows (start, stop), as fractions of the trial."""

    def check_value(self, name: str, value: Any, decoder: str) -> None:
        if not _is_window(value):
            raise BadInput(
                f"The {name!r} parameter of {decoder} must hold windows (start, stop) with 0 <= start < stop <= 1. "
                f"Got {value!r} instead."
            )


def _is_window(value: Any) -> bool:
    if not isinstance(value, tuple | list) or len(value) != 2 or not all(isinstance(end, Real) for end in value):
        return False
    return 0 <= value[0] < value[1] <= 1


# The constraints that several decoders use.
COUNT = Interval(Integral, 1, None, closed="left")
COUNT_OR_ZERO = Interval(Integral, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE_BELOW_ONE = Interval(Real, 0, 1, closed="left")
FOLDS = Interval(Integral, 2, None, closed="left")
FOLDS_OR_NONE = [FOLDS, Options(Integral, {0})]


def each_of(*constraints: Any, at_least: int = 1) -> EachOf:
    """A tuple of at least `at_least` values, each meeting one of the constraints."""
    return EachOf(constraints, at_least)


def check_parameters(decoder: BaseEstimator) -> None:
    """Refuse parameters outside the `_parameter_constraints` that the decoder's class and its bases declare.

    `_parameter_constraints` maps a parameter to a list of scikit-learn's constraints, of which one must hold, or to
    `each_of(...)` for a tuple. A class declares its own parameters; those of its bases are added.
    """
    constraints: dict[str, Any] = {}
    for base in reversed(type(decoder).__mro__):
        constraints |= vars(base).get("_parameter_constraints", {})
    name_of_class = type(decoder).__name__
    for name, value in decoder.get_params(deep=False).items():
        rule = constraints.get(name, "no_validation")
        if isinstance(rule, EachOf):
            rule.check(name, value, name_of_class)
        else:
            with bad_input():
                validate_parameter_constraints({name: rule}, {name: value}, name_of_class)


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

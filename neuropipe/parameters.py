"""Constructor parameters of models: declared once as class attributes, with the values that they may take."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, dataclass_transform

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, validate_parameter_constraints

from neuropipe.errors import BadInput


@contextmanager
def bad_input() -> Iterator[None]:
    """Raise scikit-learn's ValueErrors as BadInput."""
    try:
        yield
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(str(error)) from error


@dataclass_transform(kw_only_default=True, eq_default=False)
class Parameters:
    """Annotated attributes of a subclass, and of its bases, are its constructor's keywords, as in a dataclass.

    Shared parameters are declared once; a model declares only what differs.
    """

    def __init_subclass__(cls, **keywords: Any):
        super().__init_subclass__(**keywords)
        dataclass(kw_only=True, eq=False, repr=False)(cls)  # equality and text are scikit-learn's


@dataclass(frozen=True)
class EachOf:
    """The parameter is a tuple whose values each meet one of scikit-learn's constraints. at_least : smallest length"""

    constraints: tuple[Any, ...]
    at_least: int = 1

    def check(self, name: str, values: Any, model: str) -> None:
        if not isinstance(values, tuple | list) or len(values) < self.at_least:
            wanted = f"a tuple of at least {self.at_least} value{'s' * (self.at_least != 1)}"
            raise BadInput(f"The {name!r} parameter of {model} must be {wanted}. Got {values!r} instead.")
        for value in values:
            self.check_value(name, value, model)

    def check_value(self, name: str, value: Any, model: str) -> None:
        with bad_input():
            validate_parameter_constraints({name: list(self.constraints)}, {name: value}, model)


# The constraints that several models use.
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


def check_parameters(model: BaseEstimator) -> None:
    """Refuse parameters outside the `_parameter_constraints` that the decoder's class and its bases declare.

    `_parameter_constraints` maps a parameter to a list of scikit-learn's constraints, of which one must hold, or to
    `each_of(...)` for a tuple. A class declares its own parameters; those of its bases are added.
    """
    constraints: dict[str, Any] = {}
    for base in reversed(type(model).__mro__):
        constraints |= vars(base).get("_parameter_constraints", {})
    name_of_class = type(model).__name__
    for name, value in model.get_params(deep=False).items():
        rule = constraints.get(name, "no_validation")
        if isinstance(rule, EachOf):
            rule.check(name, value, name_of_class)
        else:
            with bad_input():
                validate_parameter_constraints({name: rule}, {name: value}, name_of_class)

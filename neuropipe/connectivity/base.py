"""Base class of connectivity methods: it checks parameters and data, and gives the results their common form."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.duplicates import Duplicate, duplicates
from neuropipe.errors import BadInput
from neuropipe.parameters import check_parameters

MIN_EVENTS = 10  # spikes of a unit; with fewer nothing can be said of its connections


class Estimate(NamedTuple):
    """What a method finds, all (source, target). p_values, delays : None if the method gives none; delays in s"""

    weights: np.ndarray
    p_values: np.ndarray | None = None
    delays: np.ndarray | None = None


class ConnectivityMethod(BaseEstimator, ABC):
    """A method estimates in `_estimate`; units that (nearly) never fire are left out before.

    Its decorator declares, as literals: needs ("spikes": spike times, "counts": any activity), directed, signed,
    calibrated (whether its null models slow common drive, so that p < .05 holds for 5 % of unconnected pairs).
    longest_lag : s, the longest lag that the method reads; a recording must be 100 times as long
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    plugin_facts: ClassVar[dict[str, Any]]
    plugin_name: ClassVar[str]

    weights_: np.ndarray
    p_values_: np.ndarray | None
    delays_: np.ndarray | None
    left_out_: dict[int, str]
    duplicates_: list[Duplicate]

    def fit(self, data: ConnectivityData) -> Self:
        """Estimate the connectivity of all pairs of units; raises BadInput where the data can't bear it."""
        check_parameters(self)
        self._check(data)
        active = np.flatnonzero(np.asarray(data.n_events) >= MIN_EVENTS)
        self.left_out_ = {
            int(unit): f"it has fewer than {MIN_EVENTS} spikes or events"
            for unit in np.setdiff1d(np.arange(data.n_units), active)
        }
        if len(active) < 2:
            raise BadInput(
                f"{len(active)} of {data.n_units} units have at least {MIN_EVENTS} spikes or events; two are needed"
            )
        found = self._estimate(data if len(active) == data.n_units else data.units(active))
        self.weights_ = _in_place(found.weights, active, data.n_units, 0.0)
        self.p_values_ = None if found.p_values is None else _in_place(found.p_values, active, data.n_units, np.nan)
        self.delays_ = None if found.delays is None else _in_place(found.delays, active, data.n_units, np.nan)
        self.duplicates_ = [copy for copy in duplicates(data) if not {copy.unit, copy.other} & set(self.left_out_)]
        for values, absent in ((self.weights_, 0.0), (self.p_values_, np.nan), (self.delays_, np.nan)):
            if values is not None:
                for unit, other, _ in self.duplicates_:
                    values[unit, other] = values[other, unit] = absent
        return self

    @property
    def longest_lag(self) -> float:
        """s"""
        return 0.0

    def _check(self, data: ConnectivityData) -> None:
        if self.plugin_facts.get("needs") == "spikes" and data.spikes is None:
            raise BadInput(
                f"{self.plugin_name} reads lags of milliseconds and needs spike times, but the activity comes in bins "
                f"of {1e3 * (data.bin_width or 0):g} ms; use a method for counts"
            )
        if data.duration < 100 * self.longest_lag:
            raise BadInput(
                f"a recording of {data.duration:g} s is too short for lags up to {1e3 * self.longest_lag:g} ms; it "
                f"must be at least {100 * self.longest_lag:g} s"
            )

    @abstractmethod
    def _estimate(self, data: ConnectivityData) -> Estimate:
        """Estimate from at least two units, all of which fire."""


def _in_place(values: np.ndarray, active: np.ndarray, n_units: int, absent: float) -> np.ndarray:
    """(source, target) of all units from that of the active ones, with `absent` elsewhere and on the diagonal."""
    whole = np.full((n_units, n_units), absent)
    whole[np.ix_(active, active)] = values
    np.fill_diagonal(whole, absent)
    return whole

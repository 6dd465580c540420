"""Connectivity from several estimators at once, weighted as simulated networks taught."""

import numpy as np

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.ensemble_coefficients import COEFFICIENTS, INTERCEPT, MEANS, SDS
from neuropipe.connectivity.pair_features import BIN_WIDTH, DELAYS, NAMES, pair_features
from neuropipe.parameters import Parameters
from neuropipe.registry import connectivity_method


@connectivity_method("ensemble", needs="spikes", directed=True, signed=True, calibrated=False, tools=("numba", "scipy"))
class Ensemble(Parameters, ConnectivityMethod):
    """Log odds of a connection, from a logistic regression on what several estimators say of the pair.

    The estimators (`pair_features`) are least-squares readouts of each unit from all units by synaptic kernels of four
    delays, with common drive regressed out and without, by memories (zeta), and the correlogram's local excess; and the
    odds of a connection from all z-scores of a source together, given that a source excites or inhibits all of its
    targets (`typed_odds`), which is where most of the gain over single estimators comes from. The regression was
    learned on simulated networks that are never scored (`python -m benchmarks.connectivity_ensemble`).

    The weight is sign * log(1 + odds), positive where the source excites; there are no p-values. A unit that is not
    clearly of one type takes the likelier one. Delays are those of 1 to 4 ms whose readout gives the largest z-score.
    """

    @property
    def longest_lag(self) -> float:
        """s, of the covariances that tell common drive"""
        return 0.2

    def _estimate(self, data: ConnectivityData) -> Estimate:
        found = pair_features(data, BIN_WIDTH)
        terms = [
            COEFFICIENTS[name] * (values - MEANS[name]) / SDS[name]
            for name, values in zip(NAMES, found.features, strict=True)
        ]
        log_odds = INTERCEPT + np.sum(terms, axis=0)
        delays = np.array(DELAYS)[np.argmax(found.by_delay, axis=0)]
        return Estimate(found.signs[:, None] * np.logaddexp(0, log_odds), None, delays)

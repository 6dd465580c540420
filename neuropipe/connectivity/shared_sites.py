"""Pairs of units recorded at one site (electrode): a sorter misses one of two spikes that overlap there.

Their correlograms have a hole, or after a wrong split a peak, around lag 0 that no synapse made.
"""

import numpy as np

BLIND = 0.001  # s; lags up to this say nothing of two units of one site


def on_one_site(sites: np.ndarray | None, n_units: int) -> np.ndarray:
    """(unit, unit) bool: both were recorded at one known site. sites : (unit,), -1 where unknown"""
    if sites is None:
        return np.zeros((n_units, n_units), bool)
    together = (sites[:, None] == sites[None]) & (sites >= 0)
    np.fill_diagonal(together, False)
    return together


def blind_lags(bin_width: float) -> int:
    """The longest lag, in bins centred on their lags, that lies within the blind time; at least 0."""
    return int(BLIND / bin_width + 1e-6)


def bridge_lag_zero(counts: np.ndarray, together: np.ndarray, bin_width: float) -> np.ndarray:
    """Correlograms in which the blind lags of pairs of one site hold the mean of the two lags just beside them.

    counts : (source, target, 2 * n_lags + 1); together : (source, target) bool; bin_width : s
    """
    if not together.any():
        return counts
    middle, blind = counts.shape[2] // 2, blind_lags(bin_width)
    beside = (counts[:, :, middle - blind - 1] + counts[:, :, middle + blind + 1]) / 2
    bridged = counts.copy()
    bridged[together, middle - blind : middle + blind + 1] = beside[together][:, None]
    return bridged

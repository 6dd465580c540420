"""Interval jitter: what counts of spike pairs would be if each target spike fell anywhere in its own short window.

Amarasingham et al. 2012, J Neurophysiol 107:517. Time is cut into windows. Under the null, each spike of the target
falls independently and uniformly within the window that it is in; sources stay as they are. A statistic
S = sum over target spikes of g(time of the spike), where g sums a kernel over the source's spikes, is then a sum of
independent terms, and its first three cumulants are sums over windows. They need no Monte Carlo.
"""

from typing import NamedTuple

import numba
import numpy as np
from scipy.special import gammaincc, ndtr

from neuropipe.connectivity.correlograms import over_units

_BYTES = 200_000_000  # of moments held at a time


class Null(NamedTuple):
    """Cumulants of S under the null, each (source, target)."""

    mean: np.ndarray
    variance: np.ndarray
    third: np.ndarray


def interval_jitter(ticks: np.ndarray, offsets: np.ndarray, n_ticks: int, window: int, kernel: np.ndarray) -> Null:
    """The null distribution of S for all pairs.

    ticks : (spike,) of all units, unit u owns ticks[offsets[u]:offsets[u + 1]]; n_ticks : of the recording
    window : length in ticks; kernel : (lag,), what a target spike adds that comes 1, 2, ... ticks after a source spike
    """
    n_units, n_windows = len(offsets) - 1, -(-n_ticks // window)
    null = [np.zeros((n_units, n_units)) for _ in range(3)]
    step = max(1, _BYTES // (4 * 8 * n_units))
    for first in range(0, n_windows, step):
        last = min(first + step, n_windows)
        counts = np.zeros((n_units, last - first))
        cumulants = np.zeros((3, n_units, last - first))
        bounds = (first * window, last * window)

        def of_unit(unit: int, counts=counts, cumulants=cumulants, bounds=bounds) -> None:
            own = ticks[offsets[unit] : offsets[unit + 1]]
            _add_unit(own, bounds[0], window, kernel, counts[unit], cumulants[:, unit])

        over_units(of_unit, range(n_units))
        for total, part in zip(null, cumulants, strict=True):
            total += part @ counts.T
    return Null(*null)


def two_sided_p_values(observed: np.ndarray, null: Null) -> np.ndarray:
    """P-values of S, from the gamma distribution that shares its mean, variance and skewness; NaN without variance.

    S takes steps of the kernel's size, which p-values leave out: where few pairs are expected they are rough.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (observed - null.mean) / np.sqrt(null.variance)
        skewness = null.third / null.variance**1.5
        shape = 4 / skewness**2
        above = gammaincc(shape, np.maximum(shape + np.sign(skewness) * z * np.sqrt(shape), 0))
    above = np.where(skewness < 0, 1 - above, above)
    above = np.where(np.abs(skewness) < 1e-3, 1 - ndtr(z), above)
    return np.where(null.variance > 0, np.clip(2 * np.minimum(above, 1 - above), 0, 1), np.nan)


@numba.njit(nogil=True)
def _add_unit(ticks, begin, window, kernel, counts, cumulants):
    """Of one unit in the windows from tick `begin` on: its spikes per window and, as a source, the cumulants of g.

    counts : (window,); cumulants : (3, window), of g at a tick drawn at random from the window
    """
    n_windows, n_lags = len(counts), len(kernel)
    end = begin + n_windows * window
    profile = np.zeros(window)
    source = np.searchsorted(ticks, begin - n_lags)
    own = np.searchsorted(ticks, begin)
    while own < len(ticks) and ticks[own] < end:
        counts[(ticks[own] - begin) // window] += 1
        own += 1
    for k in range(n_windows):
        low = begin + k * window
        while source < len(ticks) and ticks[source] + n_lags < low:
            source += 1
        if source == len(ticks):
            break
        if ticks[source] + 1 >= low + window:
            continue
        profile[:] = 0.0
        spike = source
        while spike < len(ticks) and ticks[spike] + 1 < low + window:
            for lag in range(n_lags):
                tick = ticks[spike] + 1 + lag - low
                if 0 <= tick < window:
                    profile[tick] += kernel[lag]
            spike += 1
        first, second, third = 0.0, 0.0, 0.0
        for value in profile:
            first += value
            second += value * value
            third += value * value * value
        first, second, third = first / window, second / window, third / window
        cumulants[0, k] = first
        cumulants[1, k] = second - first * first
        cumulants[2, k] = third - 3 * second * first + 2 * first**3

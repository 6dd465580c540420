"""Block lengths for the bootstrap of correlated time series."""

import numpy as np


def automatic_block_length(series: np.ndarray) -> int:
    """The optimal block length for the circular bootstrap of the mean of a series. series : (time,)

    Politis & White 2004, Econometric Reviews 23:53, as corrected by Patton, Politis & White 2009: the autocovariance
    R is taken up to twice the lag after which it stays insignificant, and the length is (2 G^2 / D)^(1/3) n^(1/3) with
    G = sum |k| R(k), D = 4/3 (sum R(k))^2. At least 1, at most 3 sqrt(n) or a third of the series.
    """
    n = len(series)
    longest = int(np.ceil(min(3 * np.sqrt(n), n / 3)))
    deviation = series - series.mean()
    if longest <= 1 or not np.ptp(series) > 0:
        return 1
    covariance = _autocovariance(deviation)
    insignificant = np.abs(covariance / covariance[0]) < 2 * np.sqrt(np.log10(n) / n)
    run = max(5, int(np.ceil(np.sqrt(np.log10(n)))))
    furthest = int(np.ceil(np.sqrt(n))) + run
    stays = [lag for lag in range(1, furthest) if insignificant[lag : lag + run].all()]
    last = min(2 * max(stays[0] - 1 if stays else furthest, 1), n - 1)
    lags = np.arange(-last, last + 1)
    flat_top = np.clip(2 * (1 - np.abs(lags) / last), 0, 1)
    weighted = flat_top * covariance[np.abs(lags)]
    slope, density = (np.abs(lags) * weighted).sum(), weighted.sum()
    if not density > 0:
        return 1
    return int(np.clip(np.ceil((1.5 * slope**2 / density**2 * n) ** (1 / 3)), 1, longest))


def _autocovariance(deviation: np.ndarray) -> np.ndarray:
    n = len(deviation)
    spectrum = np.abs(np.fft.rfft(deviation, 2 * n)) ** 2
    return np.fft.irfft(spectrum)[:n] / n

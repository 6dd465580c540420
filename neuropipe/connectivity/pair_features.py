"""What several estimators say of each pair of units, as features of one classifier of pairs."""

from typing import NamedTuple

import numpy as np

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.kernels import memory, surrounding, synaptic
from neuropipe.connectivity.moments import LaggedMoments, lagged_moments
from neuropipe.connectivity.readout import Readout, drive_components, lags_for, readout
from neuropipe.connectivity.source_types import typed_odds

NAMES = (
    "log_odds",
    "z",
    "best_delay",
    "earliest_delay",
    "latest_delay",
    "with_drive",
    "memory",
    "correlogram",
    "reverse",
    "source_rate",
    "target_rate",
    "error",
)
BIN_WIDTH = 0.001  # s, with which the classifier is taught
DELAYS = (0.001, 0.002, 0.003, 0.004)  # s
RISE, DECAY = 0.0015, 0.008  # s, of the response to a synapse
DRIVE_TIME = 0.02  # s
MEMORY_TIME = 0.012  # s
RIDGE = 20.0
RATE_POWER = 0.8  # amplitudes are coefficients over the target's rate to this power
_WINDOW, _SMOOTH = 0.006, 0.007  # s, of the correlogram's excess and its baseline
_CLIP = 30.0


class PairFeatures(NamedTuple):
    """features : (feature, source, target) in the order of NAMES; signs : (source,) 1 or -1, of its connections

    by_delay : (delay, source, target) z-scores in the order of DELAYS, positive where they have the source's sign
    """

    features: np.ndarray
    signs: np.ndarray
    by_delay: np.ndarray


def pair_features(data: ConnectivityData, bin_width: float) -> PairFeatures:
    """Features of all pairs, from spikes in bins of bin_width (s).

    z-scores take the sign of their source's type, so that a connection makes them positive. The first is of a readout
    by synaptic kernels with common drive regressed out (`readout`). Where there is drive, the median over pairs is
    taken from it, and it is divided by the spread of the middle pairs, which what remains of the drive widens.
    """
    slow = surrounding(DRIVE_TIME, bin_width)
    kernels = [synaptic(delay, RISE, DECAY, bin_width) for delay in DELAYS]
    held = memory(float(np.exp(-bin_width / MEMORY_TIME)), max(1, round(0.003 / bin_width)))
    local = _local(bin_width)
    filters = (slow, *kernels, held, local)
    moments = lagged_moments(data, bin_width, lags_for(filters, bin_width))
    loadings = drive_components(moments, bin_width)
    by_delay = [readout(moments, kernel, ridge=RIDGE, drive_kernel=slow, loadings=loadings) for kernel in kernels]
    if loadings.size:
        by_delay = [_centred(found) for found in by_delay]
    main = by_delay[1]
    scale = moments.rates**RATE_POWER
    odds = typed_odds(main.z_scores, main.errors / scale)
    signs = np.where(odds.inhibitory > 0.5, -1.0, 1.0)
    aligned = signs[:, None] * np.array([found.z_scores for found in by_delay])
    log_rates = np.log(np.maximum(moments.rates / bin_width, 1e-3))
    shape = main.z_scores.shape
    features = {
        "log_odds": odds.log_odds,
        "z": aligned[1],
        "best_delay": aligned.max(axis=0),
        "earliest_delay": aligned[0],
        "latest_delay": aligned[-1],
        "with_drive": signs[:, None] * readout(moments, kernels[1], ridge=RIDGE).z_scores,
        "memory": signs[:, None] * readout(moments, held, ridge=RIDGE).z_scores,
        "correlogram": signs[:, None] * _excess(moments, local),
        "reverse": aligned[1].T,
        "source_rate": np.broadcast_to(log_rates[:, None], shape),
        "target_rate": np.broadcast_to(log_rates, shape),
        "error": np.log(main.errors / scale),
    }
    return PairFeatures(np.clip([features[name] for name in NAMES], -_CLIP, _CLIP), signs, aligned)


def _centred(found: Readout) -> Readout:
    """The same with the pairs' median z-score at 0 and at most the spread of a standard normal in the middle."""
    z_scores = found.z_scores
    low, middle, high = np.percentile(z_scores[~np.eye(len(z_scores), dtype=bool)], [25, 50, 75])
    widening = max(1.0, (high - low) / 1.349)
    errors = found.errors * widening
    return Readout(found.weights - middle * found.errors, errors)


def _local(bin_width: float) -> np.ndarray:
    """Weights of lags: those up to 6 ms after the source, less what a Gaussian makes of them."""
    half = max(1, round(_WINDOW / bin_width))
    width = max(_SMOOTH / bin_width, 0.5)
    lags = np.arange(-half - int(3 * width) - 1, half + int(3 * width) + 2)
    inside = ((lags >= 1) & (lags <= half)).astype(float)
    gaussian = np.exp(-((lags[:, None] - lags) ** 2) / (2 * width**2))
    return inside - gaussian @ inside / gaussian.sum(axis=1).max()


def _excess(moments: LaggedMoments, local: np.ndarray) -> np.ndarray:
    """(source, target) z-scores of the correlogram's excess over its smoothed self."""
    expected = np.outer(moments.rates, moments.rates) * moments.n_bins * (local @ local)
    return moments.cross([local])[0] / np.sqrt(expected + 1)

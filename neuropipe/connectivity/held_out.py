"""Prediction of units from their inferred sources, in time that the connectivity was not estimated from.

For each target unit a Poisson regression with a log link is fitted in one part of the recording and scored in another,
in bits per spike over the unit's mean rate. Its inputs are the recent counts of the units that the connectivity names
as strongest sources, or of as many others drawn at random. Sources that are connected predict better than random ones;
where both predict alike, what is predicted is common to all units.
"""

import numpy as np
import pandas as pd

from neuropipe.connectivity.data import ConnectivityData

BIN_WIDTH = 0.002  # s, of spike times
PAST = 0.02  # s of the sources' past
N_SOURCES = 10  # or a quarter of the other units, if these are fewer
MOST_TARGETS = 40
MOST_BINS = 200_000
RIDGE = 10.0  # on coefficients of inputs of SD 1


def co_prediction(
    weights: np.ndarray, estimated: np.ndarray, training: ConnectivityData, test: ConnectivityData, *, seed: int
) -> pd.DataFrame:
    """One row per target: unit, inferred, random (bits per spike over the mean rate of training), n_sources.

    weights : (source, target), from the training part or from neither; estimated : (unit,) bool
    At most 40 targets are drawn and at most 200,000 bins of each part are read. Bins are 2 ms (or those of the
    counts), inputs are the counts of the 20 ms (at least one bin) before the bin. Sources are the ten strongest, or the
    strongest quarter of the units if these are fewer; random ones are drawn from the others.
    """
    rng = np.random.default_rng(seed)
    spikes_in_test = np.asarray(test.n_events)
    able = np.flatnonzero(estimated & (spikes_in_test >= 10) & (np.asarray(training.n_events) >= 10))
    targets = np.sort(rng.permutation(able)[:MOST_TARGETS])
    first, second = _Past(training), _Past(test)
    rows = []
    for target in targets:
        others = able[able != target]
        strength = np.abs(weights[others, target])
        order = np.argsort(-strength, kind="stable")[: min(N_SOURCES, max(1, len(others) // 4))]
        sources = others[order[strength[order] > 0]]
        rest = np.setdiff1d(others, sources)
        drawn = rng.permutation(rest)[: len(sources)]
        bits = [_bits_per_spike(first, second, chosen, target) for chosen in (sources, drawn)]
        rows.append((target, bits[0], bits[1] if len(drawn) == len(sources) else np.nan, len(sources)))
    return pd.DataFrame(rows, columns=["unit", "inferred", "random", "n_sources"])


class _Past:
    """Counts of single units in narrow bins, and how many came shortly before each bin."""

    def __init__(self, data: ConnectivityData):
        self.data = data
        self.bin_width = BIN_WIDTH if data.bin_width is None else data.bin_width
        self.n_past = max(1, round(PAST / self.bin_width))
        edges = data.segment_edges if data.counts is not None else np.array([0, int(data.duration / self.bin_width)])
        n_bins = min(int(edges[-1]), MOST_BINS)
        edges = np.append(edges[edges < n_bins], n_bins)
        # a bin is used if its whole past lies within its segment
        self.used = np.arange(n_bins) - np.repeat(edges[:-1], np.diff(edges)) >= self.n_past
        self.n_bins = n_bins

    def counts(self, unit: int) -> np.ndarray:
        """(bin,) of all bins"""
        if self.data.counts is not None:
            return np.asarray(self.data.counts[: self.n_bins, unit], float)
        spikes = self.data.spikes
        assert spikes is not None
        train = spikes.times[spikes.offsets[unit] : spikes.offsets[unit + 1]] - self.data.start
        at = (train / self.bin_width).astype(np.int64)
        return np.bincount(at[at < self.n_bins], minlength=self.n_bins).astype(float)

    def inputs(self, units: np.ndarray) -> np.ndarray:
        """(used bin, unit) counts of the n_past bins before."""
        columns = []
        for unit in units:
            total = np.concatenate([[0], np.cumsum(self.counts(unit))])
            at = np.flatnonzero(self.used)
            columns.append(total[at] - total[at - self.n_past])
        return np.stack(columns, axis=1) if columns else np.empty((int(self.used.sum()), 0))


def _bits_per_spike(training: _Past, test: _Past, sources: np.ndarray, target: int) -> float:
    """Log-likelihood of the test counts above that under the mean rate of training, per spike, in bits."""
    counts, observed = training.counts(target)[training.used], test.counts(target)[test.used]
    if not counts.sum() or not observed.sum():
        return np.nan
    inputs, new = training.inputs(sources), test.inputs(sources)
    mean, spread = inputs.mean(axis=0), inputs.std(axis=0)
    spread[spread == 0] = 1
    coefficients = fit_poisson((inputs - mean) / spread, counts)
    log_rate = np.clip(coefficients[0] + (new - mean) / spread @ coefficients[1:], -30, 10)
    flat = np.log(counts.mean())
    gain = observed @ (log_rate - flat) - np.exp(log_rate).sum() + np.exp(flat) * len(observed)
    return float(gain / (observed.sum() * np.log(2)))


def fit_poisson(inputs: np.ndarray, counts: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """Intercept and coefficients of a Poisson regression with a log link, by Newton's method with halved steps.

    inputs : (sample, input), about SD 1; ridge : half of it times the sum of squared coefficients is added to the
    negative log-likelihood; the intercept is free
    """
    design = np.column_stack([np.ones(len(inputs)), inputs])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0
    coefficients = np.zeros(design.shape[1])
    coefficients[0] = np.log(counts.mean())

    def loss(at: np.ndarray) -> float:
        log_rate = np.clip(design @ at, -30, 30)
        return float(np.exp(log_rate).sum() - counts @ log_rate + 0.5 * penalty @ at**2)

    now = loss(coefficients)
    for _ in range(50):
        rate = np.exp(np.clip(design @ coefficients, -30, 30))
        gradient = design.T @ (rate - counts) + penalty * coefficients
        step = np.linalg.solve((design.T * rate) @ design + np.diag(penalty + 1e-9), gradient)
        size = 1.0
        while (then := loss(coefficients - size * step)) > now and size > 1e-6:
            size /= 2
        coefficients, improved, now = coefficients - size * step, now - then, then
        if improved <= 1e-9 * (1 + abs(now)):
            break
    return coefficients

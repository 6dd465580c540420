"""Poisson generalised linear model of every unit's spikes, given the recent spikes of all units."""

from typing import Any, ClassVar

import numpy as np
from scipy.stats import norm

from neuropipe.connectivity.base import ConnectivityMethod, Estimate
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.group_lasso import Regression, fit_groups
from neuropipe.connectivity.halves import interleaved_halves
from neuropipe.connectivity.kernels import surrounding, synaptic
from neuropipe.connectivity.moments import LaggedMoments, lagged_moments
from neuropipe.connectivity.poisson_fit import Sample, fit_poisson
from neuropipe.connectivity.readout import drive_components, lags_for
from neuropipe.connectivity.traces import events_of, sampled_bins, traces
from neuropipe.errors import BadInput
from neuropipe.parameters import COUNT, COUNT_OR_ZERO, NOT_NEGATIVE, POSITIVE, Parameters
from neuropipe.registry import connectivity_method

DELAYS = np.arange(0.001, 0.0046, 0.0005)  # s, that are told apart
FILTER_SHIFTS = (0.003, 0.008)  # s, of the further filters of a pair after the first one
_MOST_VALUES = 60_000_000  # of the sample of filtered activity, so that it stays below .5 GB


@connectivity_method(
    "poisson_glm", needs="counts", directed=True, signed=True, calibrated=False, tools=("numba", "scipy")
)
class PoissonGlm(Parameters, ConnectivityMethod):
    """The coupling of unit i to unit j in the model log(rate_j) = b_j + sum over i of w_ij * f_i + common drive.

    Okatan et al. 2005, Neural Comput 17:1927; Truccolo et al. 2005, J Neurophysiol 93:1074; Pillow et al. 2008, Nature
    454:995. f_i is the activity of unit i filtered by the response to a synapse, exp(-t / decay) - exp(-t / rise) from
    `delay` on; f_j itself, the target's own history, is among them. Common drive enters as slow components of the
    population around each moment, as many as exceed what synapses can explain (`drive_components`).

    Maximises the likelihood with a ridge penalty, for all targets at once. The spikes' part of the likelihood and the
    integral's expansion to second order are exact, from correlograms; the integral's remainder is summed over a seeded
    sample of bins (over all, if n_samples allows). The weight is the coefficient in standard errors (Wald); the
    p-value is that of a normal. Delays, where bins are no wider than 1 ms, are those of the filter that would raise
    the likelihood most with all other couplings held.

    With `group_penalties` the model is group-sparse instead: three filters per pair, of several delays, are shrunk to
    zero together (`group_lasso`), by that one of the penalties whose fits to either half of the recording best predict
    the other half. The weight is the size of what is left in standard errors, with the sign of the filter's sum, 0 for
    pairs without coupling; there are no p-values and no delays.

    bin_width : s, of spike times; activity in bins keeps its own
    delay, rise, decay : s; ridge : penalty, as if every unit had this many isolated events more without effect
    drive_time : s, time constant of the components around a moment; 0 for a model without common drive
    n_samples : bins of the integral's remainder; max_iterations : Newton steps; seed : of the sample
    group_penalties : to choose from, in standard errors, e.g. (1, 1.5, 2, 3, 4); empty for the ridge
    """

    bin_width: float = 0.001
    delay: float = 0.002
    rise: float = 0.0015
    decay: float = 0.008
    ridge: float = 20.0
    drive_time: float = 0.02
    n_samples: int = 100_000
    max_iterations: int = 12
    seed: int = 0
    group_penalties: tuple[float, ...] = ()

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "bin_width": [POSITIVE],
        "delay": [NOT_NEGATIVE],
        "rise": [POSITIVE],
        "decay": [POSITIVE],
        "ridge": [POSITIVE],
        "drive_time": [NOT_NEGATIVE],
        "n_samples": [COUNT],
        "max_iterations": [COUNT],
        "seed": [COUNT_OR_ZERO],
        "group_penalties": [tuple, list],
    }

    @property
    def longest_lag(self) -> float:
        """s"""
        return self.delay + 5 * self.decay

    def _estimate(self, data: ConnectivityData) -> Estimate:
        width = self.bin_width if data.bin_width is None else data.bin_width
        if self.group_penalties:
            return self._sparse(data, width)
        kernel = synaptic(self.delay, self.rise, self.decay, width)
        slow = surrounding(self.drive_time, width) if self.drive_time else None
        last = synaptic(float(DELAYS[-1]), self.rise, self.decay, width)
        filters = [kernel, last] if slow is None else [kernel, last, slow]
        moments = lagged_moments(data, width, lags_for(filters, width))
        loadings = drive_components(moments, width) if slow is not None else np.zeros((data.n_units, 0))
        kernels = [kernel, slow] if slow is not None and loadings.size else [kernel]
        gram, cross = _joined(moments, kernels, loadings)
        sample = self._sample(data, width, kernels, loadings)
        penalty = np.zeros(len(gram))
        penalty[: data.n_units] = self.ridge * (kernel @ kernel)
        penalty[data.n_units :] = 1e-6 * np.trace(gram) / len(gram)
        totals = moments.rates * moments.n_bins
        found = fit_poisson(gram, cross, penalty, totals, moments.n_bins, sample, self.max_iterations)
        coupling = found.coefficients[: data.n_units]
        z_scores = coupling / found.errors[: data.n_units]
        delays = None
        if width <= DELAYS[0]:
            delays = self._delays(moments, kernels, loadings, found.coefficients, width)
        return Estimate(z_scores, 2 * norm.sf(np.abs(z_scores)), delays)

    def _sparse(self, data: ConnectivityData, width: float) -> Estimate:
        """The group lasso, with the penalty that predicts held-out halves best."""
        strengths = sorted({float(each) for each in self.group_penalties}, reverse=True)
        if not all(np.isfinite(strengths)) or strengths[-1] <= 0:
            raise BadInput(f"group_penalties are numbers above 0, in standard errors; found {self.group_penalties}")
        chosen = strengths[0]
        if len(strengths) > 1:
            halves = [self._regression(half, width) for half in interleaved_halves(data)]
            gains = np.zeros(len(strengths))
            for problem, other in (halves, halves[::-1]):
                start = None
                for number, strength in enumerate(strengths):
                    start = fit_groups(problem, strength, self.max_iterations, start).coefficients
                    gains[number] += other.likelihood(start)
            chosen = strengths[int(np.argmax(gains))]
        problem = self._regression(data, width)
        found = fit_groups(problem, chosen, self.max_iterations)
        n_units = data.n_units
        total = found.coefficients[: problem.n_filters * n_units].reshape(-1, n_units, n_units).sum(axis=0)
        self.group_penalty_ = chosen
        return Estimate(np.sign(total) * found.sizes)

    def _regression(self, data: ConnectivityData, width: float) -> Regression:
        """All that the group lasso needs of some data."""
        kernels = [synaptic(delay, self.rise, self.decay, width) for delay in self._filter_delays(width)]
        slow = surrounding(self.drive_time, width) if self.drive_time else None
        every = kernels if slow is None else [*kernels, slow]
        moments = lagged_moments(data, width, lags_for(every, width))
        loadings = drive_components(moments, width) if slow is not None else np.zeros((data.n_units, 0))
        n_units, n_filters = data.n_units, len(kernels)
        used = [*kernels, slow] if slow is not None and loadings.size else kernels
        gram, cross = moments.gram(used), moments.cross(used)
        size = n_filters * n_units
        joined, right = gram[:n_filters, :, :n_filters].reshape(size, size), cross[:n_filters].reshape(size, n_units)
        if len(used) > n_filters:
            mixed = gram[:n_filters, :, n_filters].reshape(size, n_units) @ loadings
            joined = np.block([[joined, mixed], [mixed.T, loadings.T @ gram[n_filters, :, n_filters] @ loadings]])
            right = np.concatenate([right, loadings.T @ cross[n_filters]])
        ridge = np.full(len(joined), 1e-6 * np.trace(joined) / len(joined))
        ridge[:size] = np.repeat([self.ridge * (kernel @ kernel) for kernel in kernels], n_units)
        parts = [self._sample(data, width, [kernel], np.zeros((n_units, 0))) for kernel in kernels[:-1]]
        parts.append(self._sample(data, width, [kernels[-1], *used[n_filters:]], loadings))
        totals = moments.rates * moments.n_bins
        return Regression(joined, right, totals, moments.n_bins, np.concatenate(parts, axis=1), n_filters, ridge)

    def _filter_delays(self, width: float) -> list[float]:
        """s; bins that are wider than the delays differ can't tell them apart."""
        later = [self.delay + shift for shift in FILTER_SHIFTS if shift >= width]
        return [self.delay, *later]

    def _sample(self, data: ConnectivityData, width: float, kernels: list, loadings: np.ndarray) -> Sample:
        """Filtered activity of units, then components, at sampled bins; (sample, regressor) float32, centred."""
        events, edges = events_of(data, width)
        n_samples = min(self.n_samples, max(1000, _MOST_VALUES // data.n_units))
        at = sampled_bins(int(edges[-1]), n_samples, self.seed)
        values = np.zeros((len(at), data.n_units + (loadings.shape[1] if len(kernels) > 1 else 0)), np.float32)
        for unit, trace in enumerate(traces(events, edges, kernels[0], at)):
            values[:, unit] = trace
        if len(kernels) > 1:
            slow = np.zeros((len(at), loadings.shape[1]))
            for unit, trace in enumerate(traces(events, edges, kernels[1], at)):
                slow += np.outer(trace, loadings[unit])
            values[:, data.n_units :] = slow
        values -= values.mean(axis=0, dtype=np.float64).astype(np.float32)
        return values

    def _delays(
        self, moments: LaggedMoments, kernels: list, loadings: np.ndarray, coefficients: np.ndarray, width: float
    ) -> np.ndarray:
        """(source, target) s: of each pair, the delay whose filter explains most of what the others leave."""
        own = np.arange(moments.n_units)
        gains = np.empty((len(DELAYS), moments.n_units, moments.n_units))
        for candidate, delay in enumerate(DELAYS):
            shifted = synaptic(float(delay), self.rise, self.decay, width)
            gram = moments.gram([shifted, *kernels])
            mixed = gram[0, :, 1]
            explained = mixed @ coefficients[: moments.n_units]
            if len(kernels) > 1:
                explained += gram[0, :, 2] @ loadings @ coefficients[moments.n_units :]
            explained -= mixed[own, own][:, None] * coefficients[: moments.n_units]
            left = moments.cross([shifted])[0] - moments.rates * explained
            gains[candidate] = np.sign(coefficients[: moments.n_units]) * left / np.sqrt(gram[0, own, 0, own])[:, None]
        return DELAYS[np.argmax(gains, axis=0)]


def _joined(moments: LaggedMoments, kernels: list, loadings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(regressor, regressor) and (regressor, target) moments of the units' filtered activity and of the components."""
    gram, cross = moments.gram(kernels), moments.cross(kernels)
    if len(kernels) == 1:
        return gram[0, :, 0], cross[0]
    mixed = gram[0, :, 1] @ loadings
    joined = np.block([[gram[0, :, 0], mixed], [mixed.T, loadings.T @ gram[1, :, 1] @ loadings]])
    return joined, np.concatenate([cross[0], loadings.T @ cross[1]])

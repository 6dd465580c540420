"""How often the intervals of connectivity scores hold the expected score, in simulated estimates.

    python -m benchmarks.connectivity_intervals

Some units of a network are easier to estimate than others, as sources and as targets: the weights of their pairs are
larger, or noisier. The expected score is the mean over many such networks.
"""

import numpy as np

from neuropipe.connectivity.base import Estimate
from neuropipe.evaluation.connectivity import connectivity_scores

SIZES = (30, 60)  # units
N_EXPECTED, N_NETWORKS, N_RESAMPLES = 150, 100, 100
METRICS = ("average_precision", "roc_auc")


def network(n_units: int, seed: int) -> tuple[Estimate, dict[str, np.ndarray]]:
    """An estimate, and the true weights: a tenth of the pairs, with units that differ in how well they are seen."""
    rng = np.random.default_rng(seed)
    true = (rng.random((n_units, n_units)) < 0.1) * np.where(rng.random(n_units) < 0.8, 1, -1)[:, None]
    np.fill_diagonal(true, 0)
    source, target = rng.normal(0, 0.5, (2, n_units))
    sizes = 2 * np.exp((source[:, None] + target) / 2) * rng.lognormal(0, 0.5, true.shape)
    weights = true * sizes + rng.normal(size=true.shape) * np.exp(0.3 * target)
    np.fill_diagonal(weights, 0)
    return Estimate(weights), {"weights": true.astype(float)}


def coverage(n_units: int) -> dict[str, float]:
    """metric -> share of the networks whose interval holds the expected score."""
    expected = {
        metric: np.mean([_scores(n_units, seed, 1)[metric][0] for seed in range(N_EXPECTED)]) for metric in METRICS
    }
    held = dict.fromkeys(METRICS, 0)
    for seed in range(1000, 1000 + N_NETWORKS):
        for metric, (_, low, high) in _scores(n_units, seed, N_RESAMPLES).items():
            held[metric] += low <= expected[metric] <= high
    return {metric: count / N_NETWORKS for metric, count in held.items()}


def _scores(n_units: int, seed: int, n_resamples: int) -> dict[str, tuple[float, float, float]]:
    estimate, truth = network(n_units, seed)
    rows = connectivity_scores(estimate, truth, n_resamples=n_resamples, n_permutations=1).set_index("metric")
    return {metric: tuple(rows.loc[metric, ["value", "ci_low", "ci_high"]]) for metric in METRICS}


if __name__ == "__main__":
    for size in SIZES:
        print(
            f"{size} units: {', '.join(f'{metric} {share:.2f}' for metric, share in coverage(size).items())}",
            flush=True,
        )

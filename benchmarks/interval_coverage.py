"""Measures what neuropipe.evaluation claims: coverage of its 95 % intervals, rate of false positives of its p-values.

python -m benchmarks.interval_coverage [N_SIMULATIONS]
"""

import sys
import time

import numpy as np
import pandas as pd

from neuropipe.evaluation.intervals import intervals
from neuropipe.evaluation.metrics import METRICS
from neuropipe.evaluation.resampling import WEIGHTED
from neuropipe.evaluation.shifts import TESTED, shift_null
from neuropipe.evaluation.table import Predicted

# n trials, classes, separation of the classes, correlation of the noise from trial to trial, its share, label repeats
PROCESSES = {
    "228 trials, .88, independent": (228, 3, 2.1, 0.0, 0.0, 0.0),
    "228 trials, .88, correlated (.8)": (228, 3, 2.1, 0.8, 0.4, 0.5),
    "228 trials, .88, correlated (.95)": (228, 3, 2.1, 0.95, 0.4, 0.5),
    "228 trials, .61, correlated (.8)": (228, 2, 0.4, 0.8, 0.4, 0.5),
    "228 trials, .95, correlated (.8)": (228, 2, 2.3, 0.8, 0.4, 0.5),
    "300 trials, .88, correlated (.8)": (300, 3, 2.1, 0.8, 0.4, 0.5),
    "100 trials, .88, correlated (.8)": (100, 3, 2.1, 0.8, 0.4, 0.5),
    "500 trials, .69, correlated (.9)": (500, 3, 1.2, 0.9, 0.5, 0.6),
}


def autocorrelated(n: int, correlation: float, rng: np.random.Generator, columns: int) -> np.ndarray:
    """(n, columns) stationary AR(1) noise of variance 1."""
    from scipy.signal import lfilter

    noise = rng.standard_normal((n + 200, columns))
    return lfilter([np.sqrt(1 - correlation**2)], [1, -correlation], noise, axis=0)[200:]


def sticky_labels(n: int, n_classes: int, repeat: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) labels that repeat the one before with probability `repeat` and are drawn anew otherwise."""
    drawn, fresh = rng.integers(n_classes, size=n), rng.random(n) >= repeat
    return drawn[np.maximum.accumulate(np.where(fresh, np.arange(n), 0))]


def simulate_predictions(n, n_classes, separation, correlation, share, repeat, rng) -> Predicted:
    """Predictions of a fixed decoder: the true class stands out by `separation` from noise of which a share is slow."""
    truth = sticky_labels(n, n_classes, repeat, rng)
    evidence = np.sqrt(share) * autocorrelated(n, correlation, rng, n_classes)
    evidence += np.sqrt(1 - share) * rng.standard_normal((n, n_classes))
    evidence[np.arange(n), truth] += separation
    probabilities = np.exp(separation * evidence)
    probabilities /= probabilities.sum(1, keepdims=True)
    return Predicted(np.zeros(n, int), np.arange(n), truth, probabilities.argmax(1), probabilities)


def coverage(process: tuple, n_simulations: int, *, metrics=METRICS, n_resamples=500, seed=0) -> dict[str, float]:
    """Metric -> share of 95 % intervals that hold the expected score (the mean over simulations)."""
    values, bounds = [], []
    for simulation in range(n_simulations):
        predicted = simulate_predictions(*process, np.random.default_rng([seed, simulation]))
        every = np.ones((1, len(predicted.truth)))
        value = {metric: float(WEIGHTED[metric](predicted, every)[0]) for metric in metrics}
        values.append(value)
        bounds.append(intervals(predicted, value, metrics, n_resamples=n_resamples, seed=simulation))
    expected = pd.DataFrame(values).mean()
    return {m: float(np.mean([bound[m][0] <= expected[m] <= bound[m][1] for bound in bounds])) for m in metrics}


def labels_alone(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) labels of two classes in the ways that real ones are not independent."""
    if kind == "trend":
        return (rng.random(n) < np.linspace(0.05, 0.95, n)).astype(int)
    if kind == "prior blocks":
        lengths = np.clip(rng.exponential(50, n), 20, 100).astype(int)
        prior = np.repeat(np.resize([0.2, 0.8], n), lengths)[:n]
        return (rng.random(n) < prior).astype(int)
    return sticky_labels(n, 2, {"independent": 0.0, "sticky .5": 0.5, "sticky .8": 0.8, "sticky .9": 0.9}[kind], rng)


def activity_alone(kind: str, n: int, units: int, rng: np.random.Generator) -> np.ndarray:
    """(n, units) activity that drifts and knows nothing of the labels."""
    noise = rng.standard_normal((n, units))
    return {
        "stationary": lambda: noise,
        "AR(1) .9": lambda: autocorrelated(n, 0.9, rng, units),
        "random walk": lambda: np.cumsum(rng.standard_normal((n, units)), 0) + noise,
        "time": lambda: np.linspace(-2, 2, n)[:, None] * rng.standard_normal(units) + noise,
    }[kind]()


def blocked_folds(n: int, n_folds: int, gap: int) -> pd.DataFrame:
    """Contiguous test blocks, `gap` samples on either side in no role."""
    parts, sample = [], np.arange(n)
    for fold, block in enumerate(np.array_split(sample, n_folds)):
        role = np.where((sample < block[0] - gap) | (sample > block[-1] + gap), "train", "gap").astype(object)
        role[block] = "test"
        parts.append(pd.DataFrame({"scheme": "blocked", "fold": fold, "sample": sample, "role": role}))
    return pd.concat(parts, ignore_index=True)


def ridge_predictions(activity: np.ndarray, labels: np.ndarray, folds: pd.DataFrame) -> Predicted:
    """Out-of-fold predictions of ridge regression on labels -1 and 1, squashed to probabilities."""
    value, of_fold = np.empty(len(labels)), np.empty(len(labels), int)
    for fold, rows in folds.groupby("fold"):
        train, test = (rows.loc[rows["role"] == role, "sample"].to_numpy() for role in ("train", "test"))
        centre, scale = activity[train].mean(0), activity[train].std(0) + 0.1
        scaled, target = (activity - centre) / scale, 2.0 * labels[train] - 1
        gram = scaled[train].T @ scaled[train] + 10 * np.eye(activity.shape[1])
        weights = np.linalg.solve(gram, scaled[train].T @ (target - target.mean()))
        value[test], of_fold[test] = scaled[test] @ weights + target.mean(), fold
    right = np.clip(1 / (1 + np.exp(-2 * value)), 1e-3, 1 - 1e-3)
    probabilities = np.stack([1 - right, right], 1)
    return Predicted(of_fold, np.arange(len(labels)), labels, probabilities.argmax(1), probabilities)


def null_p_values(labels_kind, activity_kind, n, n_folds, gap, n_simulations, *, units=20, seed=0) -> pd.DataFrame:
    """One row a simulation of drift and labels without relation: the p-value of each metric."""
    folds, p_values = blocked_folds(n, n_folds, gap), []
    for simulation in range(n_simulations):
        rng = np.random.default_rng([seed, simulation])
        labels = labels_alone(labels_kind, n, rng)
        if len(np.unique(labels)) == 2:
            predicted = ridge_predictions(activity_alone(activity_kind, n, units, rng), labels, folds)
            p_values.append(shift_null(predicted, folds, n_shifts=499, seed=simulation).p_value)
    return pd.DataFrame(p_values)


def main() -> None:
    n_simulations = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    start = time.perf_counter()
    error = 100 * np.sqrt(0.05 * 0.95 / n_simulations)
    print(f"Coverage of 95 % intervals over {n_simulations} simulations (standard error {error:.1f} %)")
    print(f"{'':36s}" + "".join(f"{metric:>19s}" for metric in METRICS))
    for name, process in PROCESSES.items():
        found = coverage(process, n_simulations)
        print(f"{name:36s}" + "".join(f"{100 * found[metric]:18.1f}%" for metric in METRICS), flush=True)
    print("\nShare of p-values at most .05 where activity and labels are unrelated (ridge regression, 20 units)")
    print(f"{'trials, folds, gap; labels; activity':52s}" + "".join(f"{metric:>19s}" for metric in TESTED))
    for n, n_folds, gap in ((228, 5, 1), (228, 5, 5), (60, 5, 1), (1000, 5, 5)):
        for labels_kind in ("independent", "sticky .5", "sticky .8", "sticky .9", "prior blocks", "trend"):
            for activity_kind in ("stationary", "AR(1) .9", "random walk", "time"):
                found = (null_p_values(labels_kind, activity_kind, n, n_folds, gap, n_simulations) <= 0.05).mean()
                row = f"{n}, {n_folds}, {gap}; {labels_kind}; {activity_kind}"
                print(f"{row:52s}" + "".join(f"{100 * found[metric]:18.1f}%" for metric in TESTED), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()

"""Logistic regression in trial space beside scikit-learn's, on 228 trials x 54,450 features (1,089 units x 50 bins).

    python benchmarks/logistic_regression.py

The counts are simulated: Poisson with the sparseness of 20 ms bins, a weak class signal in a fifth of the units. Both
solve the same problem on the same scaled features; the decomposition is part of our time. scikit-learn is timed as it
comes (`LogisticRegression(C=C)`: lbfgs, tol = 1e-4), and once at tol = 1e-10 for the answer that both are compared
with: ours must be within 1e-5 of it. The last line times what choosing C takes: five values of C.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.scaling import Scaling

STRENGTHS = (0.25, 1.0, 4.0, 16.0, 64.0)
RUNS = 5


def simulated_counts(n_trials: int = 228, n_units: int = 1089, n_bins: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Counts (trial, bin x unit) and three classes."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, n_trials)
    rates = generator.gamma(0.5, 0.16, n_units) * np.exp(
        generator.normal(0, 0.3, (3, n_units)) * (np.arange(n_units) < 218)
    )
    counts = generator.poisson(np.repeat(rates[labels][:, None], n_bins, axis=1))
    return counts.reshape(n_trials, -1).astype(float), labels


def ours(rows: np.ndarray, labels: np.ndarray, strengths: tuple[float, ...]) -> list[np.ndarray]:
    """Probabilities of the training rows from weights on the features, one array a C."""
    axes = PrincipalAxes(rows)
    weights, intercepts = solve(axes, labels, strengths, n_classes=3)
    return [softmax(rows @ axes.feature_weights(w) + b) for w, b in zip(weights, intercepts, strict=True)]


def theirs(rows: np.ndarray, labels: np.ndarray, strengths: tuple[float, ...], **settings: float) -> list[np.ndarray]:
    return [LogisticRegression(C=C, **settings).fit(rows, labels).predict_proba(rows) for C in strengths]


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, rows: np.ndarray, labels: np.ndarray, strengths: tuple[float, ...]) -> None:
    pairs = [
        (seconds(lambda: ours(rows, labels, strengths)), seconds(lambda: theirs(rows, labels, strengths)))
        for _ in range(RUNS)
    ]
    mine, default = np.median(pairs, axis=0)
    exact = theirs(rows, labels, strengths, tol=1e-10, max_iter=100_000)
    off = [
        np.abs(np.subtract(answers, exact)).max()
        for answers in (ours(rows, labels, strengths), theirs(rows, labels, strengths))
    ]
    assert off[0] < 1e-5, f"{name}: {off[0]} away from scikit-learn at tol = 1e-10"
    print(f"{name:42s} {mine:7.3f} s {default:9.3f} s {default / mine:8.1f} x {off[0]:11.1e} {off[1]:14.1e}")


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    counts, labels = simulated_counts()
    print(f"{'':42s} {'ours':>9s} {'sklearn':>11s} {'ratio':>10s} {'ours off by':>11s} {'sklearn off by':>14s}")
    scaled = Scaling.learn(counts, 1.0).apply(counts)
    for strength in (1.0, 16.0, 64.0):
        compare(f"scaled as the decoder does, C = {strength:g}", scaled, labels, (strength,))
    compare(
        "z-scored, C = 0.01", (counts - counts.mean(axis=0)) / np.maximum(counts.std(axis=0), 1e-3), labels, (0.01,)
    )
    compare("centred counts, C = 1", counts - counts.mean(axis=0), labels, (1.0,))
    compare("scaled as the decoder does, C = .25 ... 64", scaled, labels, STRENGTHS)


if __name__ == "__main__":
    main()

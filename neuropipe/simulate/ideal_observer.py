"""Best attainable accuracy: that of an ideal observer who sees the latent variables of a simulation."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class LatentOptimum:
    """Accuracy of always choosing the more probable of two choices.

    expected : mean over trials of max(p, 1 - p); realised : on the choices that were made;
    interval : (low, high), which holds the realised accuracy with at least the requested probability
    """

    expected: float
    realised: float
    interval: tuple[float, float]


def latent_optimum(probability: np.ndarray, choice: np.ndarray, coverage: float = 0.95) -> LatentOptimum:
    """Accuracy of an ideal observer on trials whose choice is 1 with `probability`, (trial,), and -1 otherwise.

    The number of correct trials is Poisson-binomial; its interval is exact. A decoder's predictions are functions of
    what the latents drive, so its own accuracy is, trial by trial, at most the observer's.
    """
    probability, choice = np.asarray(probability, float), np.asarray(choice)
    if probability.ndim != 1 or probability.shape != choice.shape or not len(choice):
        raise BadInput(f"one probability a choice is needed, found {probability.shape} and {choice.shape}")
    correct = np.maximum(probability, 1 - probability)
    cumulative = np.cumsum(count_distribution(correct))
    tail = (1 - coverage) / 2
    low = int(np.searchsorted(cumulative, tail, side="right"))
    high = int(np.searchsorted(cumulative, 1 - tail))
    return LatentOptimum(
        expected=float(correct.mean()),
        realised=float(np.mean(np.where(probability >= 0.5, 1, -1) == choice)),
        interval=(low / len(choice), high / len(choice)),
    )


def count_distribution(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities of 0..n successes among independent trials, (n + 1,): the Poisson-binomial distribution."""
    distribution = np.ones(1)
    for probability in probabilities:
        distribution = np.convolve(distribution, [1 - probability, probability])
    return distribution

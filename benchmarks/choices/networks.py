"""Networks of labels: the whole procedure with all its inner choices, on two of the five folds of each task."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.choices import Choice
from benchmarks.choices.recordings import fitted_scores, recorded, simulated

# One change at a time from the defaults.
NETWORK_VARIANTS = [
    {},
    {"windows": ((0.0, 1.0),), "n_bins": (5,), "offsets": (1.0,)},
    {"n_bins": (1, 2, 4), "offsets": (0.0, 1.0, 30.0)},
    {"n_bins": (4, 8)},
    {"n_components": 32},
    {"n_components": 200},
    {"n_seeds": 10},
    {"unit_dropout": 0.6},
    {"dropout": 0.2},
    {"width": 128},
    {"learning_rate": 0.002},
    {"label_smoothing": 0.0},
]
NETWORKS = ("rnn", "gru", "lstm", "mlp", "cnn", "transformer", "token_transformer")
NETWORKS += ("spatiotemporal_transformer", "spike_transformer")
SESSIONS, FOLDS = (8, 12, 18), (1, 3)


def recorded_and_simulated() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    yield from recorded(SESSIONS)
    yield from simulated()


CHOICES = {
    name: Choice(recorded_and_simulated, partial(fitted_scores, name, folds=FOLDS), NETWORK_VARIANTS)
    for name in NETWORKS
}

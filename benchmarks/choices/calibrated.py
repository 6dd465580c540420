"""Variants of the decoders that choose inside the training trials, scored side by side.

Whatever any variant of a decoder tries is tried once, in the widest space, and shared: a variant then picks among the
inner log losses of its own feature sets and candidates, and only what it picks is fitted.
"""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.choices import Choice as Declared
from benchmarks.choices.recordings import outer_folds, recorded, score
from neuropipe import decoders
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import LinearModel, Setting, inner_losses
from neuropipe.decoders.pooling import cumulate, distinct_poolings, pool
from neuropipe.decoders.score_based import Choice

WHOLE = ((0.0, 1.0),)

# Decoder -> its widest space, then variants of its defaults.
SPACES = {
    "naive_bayes": {"prior_trials": (1.0, 4.0, 16.0, 64.0, 256.0)},
    "knn": {
        "offsets": (0.0, 1.0, 30.0),
        "components": (5, 10, 20, 40),
        "n_neighbours": (5, 10, 20, 40, 80),
    },
    "pca_logistic": {"components": (5, 10, 20, 40, 80), "strengths": (1.0, 4.0, 16.0, 64.0, 256.0)},
    "svm": {},
}
AVERAGED = [{"n_averaged": number} for number in (1, 3, 5, 8, 12)]
VARIANTS = {
    "naive_bayes": [
        *AVERAGED,
        {"windows": WHOLE, "n_bins": (1,), "n_averaged": 1},
        {"n_bins": (1,)},
        {"n_bins": (1, 2)},
        {"prior_trials": (4.0,)},
        {"prior_trials": (16.0,)},
        {"prior_trials": (4.0, 16.0, 64.0, 256.0)},
    ],
    "knn": [
        *AVERAGED,
        {"offsets": (0.0,)},
        {"offsets": (1.0,)},
        {"offsets": (30.0,)},
        {"components": (5, 10)},
        {"components": (10, 20, 40)},
        {"metrics": ("euclidean",)},
        {"metrics": ("cosine",)},
        {"n_neighbours": (5, 10, 20)},
        {"n_neighbours": (20, 40, 80)},
        {"n_bins": (1, 2)},
    ],
    "pca_logistic": [
        *AVERAGED,
        {"components": (5, 10, 20)},
        {"components": (10,)},
        {"components": (20,)},
        {"components": (40,)},
        {"components": (10, 20, 40)},
        {"strengths": (1.0, 4.0, 16.0, 64.0, 256.0)},
        {"offsets": (0.0,)},
        {"offsets": (1.0,)},
        {"offsets": (30.0,)},
        {"n_bins": (1,)},
    ],
    "svm": [
        *AVERAGED,
        {"n_bins": (1,)},
        {"offsets": (1.0,)},
        {"offsets": (30.0,)},
        {"kernels": ("linear",)},
        {"kernels": ("polynomial",)},
        {"kernels": ("rbf",)},
        {"kernels": ("linear", "rbf")},
        {"gammas": (0.3,)},
        {"gammas": (1.0,)},
        {"strengths": (0.5, 2.0)},
        {"strengths": (2.0,)},
    ],
}


def scores_of(name: str) -> Callable[[np.ndarray, np.ndarray, list[dict]], np.ndarray]:
    """The scores of one decoder: (counts, labels, variants) -> (variant, fold, [log loss, accuracy])."""
    probabilities = _linear_probabilities if name == "pca_logistic" else _calibrated_probabilities

    def study(counts: np.ndarray, labels: np.ndarray, variants: list[dict]) -> np.ndarray:
        running = cumulate(counts)
        scores = [
            [
                score(probability, labels[test])
                for probability in probabilities(name, running[train], labels[train], running[test], variants)
            ]
            for train, test in outer_folds(len(labels))
        ]
        return np.swapaxes(scores, 0, 1)

    return study


def _calibrated_probabilities(name, running, labels, tested, variants) -> Iterator[np.ndarray]:
    widest = decoders.make(name, **SPACES[name])
    columns = {candidate: number for number, candidate in enumerate(widest.candidates())}
    folds = inner_folds(labels, widest.n_inner_folds)
    tried = {features: rest for features, *rest in widest.compare(running, labels, folds)}
    fitted = {}
    for variant in variants:
        narrow = decoders.make(name, **_narrowed(name, variant))
        own = [columns[candidate] for candidate in narrow.candidates()]
        best = []
        for features in narrow.feature_sets(running.shape[1] - 1):
            losses, calibration = tried[features]
            column = min(own, key=lambda number: losses[number])
            best.append((losses[column], features, column, calibration[column]))
        best.sort(key=lambda found: found[0])
        for loss, features, column, calibration in best[: narrow.n_averaged]:
            if (features, column) not in fitted:
                choice = Choice(features, widest.candidates()[column], loss, calibration)
                fitted[features, column] = widest.fit_choice(running, labels, choice).probabilities(tested)
        yield np.mean([fitted[features, column] for _, features, column, _ in best[: narrow.n_averaged]], axis=0)


def _narrowed(name, variant):
    """A variant of the defaults inside the widest space: numbers of bins that were not tried are left out."""
    space = decoders.make(name, **variant).get_params()
    widest = decoders.make(name, **SPACES[name]).get_params()
    return variant | {"n_bins": tuple(number for number in space["n_bins"] if number in widest["n_bins"])}


def _linear_probabilities(name, running, labels, tested, variants) -> Iterator[np.ndarray]:
    widest = decoders.make(name, **SPACES[name])
    folds = inner_folds(labels, widest.n_inner_folds)
    n_bins, tried, fitted = running.shape[1] - 1, {}, {}
    for edges in distinct_poolings(n_bins, widest.windows, widest.n_bins):
        rows = pool(running, edges)
        for offset in widest.offsets:
            losses = inner_losses(rows, labels, folds, offset, widest.strengths, widest.components)
            for component, of_component in zip(widest.components, losses, strict=True):
                for strength, loss in zip(widest.strengths, of_component, strict=True):
                    tried[Setting(edges, offset, strength, None, component)] = loss
    for variant in variants:
        space = decoders.make(name, **_narrowed(name, variant))
        best = []
        for edges in distinct_poolings(n_bins, space.windows, space.n_bins):
            for offset in space.offsets:
                own = [Setting(edges, offset, c, None, k) for c in space.strengths for k in space.components]
                best.append(min(own, key=tried.__getitem__))
        best = sorted(best, key=tried.__getitem__)[: space.n_averaged]
        for setting in set(best) - set(fitted):
            fitted[setting] = LinearModel.fit(running, labels, setting).probabilities(tested)
        yield np.mean([fitted[setting] for setting in best], axis=0)


CHOICES = {name: Declared(recorded, scores_of(name), variants) for name, variants in VARIANTS.items()}

"""Logistic regression: windows, bins, scaling and penalties."""

import numpy as np

from benchmarks.choices import Choice
from benchmarks.choices.recordings import outer_folds, recorded, score
from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import inner_losses
from neuropipe.decoders.pooling import cumulate, distinct_poolings, pool
from neuropipe.decoders.scaling import Scaling

DYADIC = ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
END, MIDDLE = (0.875, 1.0), (0.25, 0.75)
LINEAR = {"windows": (*DYADIC, END), "n_bins": (1, 2, 4), "offsets": (0.0, 1.0, 30.0), "n_averaged": 8}
LINEAR |= {"strengths": (0.25, 1.0, 4.0, 16.0, 64.0)}
WIDEST = {
    "windows": (*LINEAR["windows"], MIDDLE),
    "offsets": (0.0, 0.3, 1.0, 30.0),
    "strengths": (*LINEAR["strengths"], 256.0),
}
LINEAR_VARIANTS = [
    *({"n_averaged": k} for k in (1, 3, 5, 8, 10, 15, 30)),
    *({"windows": w} for w in (DYADIC[:1], DYADIC[:3], DYADIC, WIDEST["windows"])),
    *({"n_bins": n} for n in ((1,), (1, 2), (4,))),
    *({"offsets": c} for c in ((0.0,), (0.3,), (1.0,), (30.0,), (0.0, 30.0), (0.3, 30.0), WIDEST["offsets"])),
    *({"strengths": c} for c in ((1.0, 4.0, 16.0), (1.0, 4.0, 16.0, 64.0), WIDEST["strengths"])),
    {"windows": DYADIC[:1], "n_bins": (1,), "offsets": (0.0,), "n_averaged": 1},
    {"windows": DYADIC[:1], "n_bins": (1,), "offsets": (1.0,), "n_averaged": 1},
]


def linear_scores(counts: np.ndarray, labels: np.ndarray, variants: list[dict]) -> np.ndarray:
    """(variant, fold, [log loss, accuracy]); everything that any variant tries is fitted once and shared."""
    running, n_classes = cumulate(counts), labels.max() + 1
    poolings = distinct_poolings(counts.shape[1], WIDEST["windows"], LINEAR["n_bins"])
    scores = []
    for train, test in outer_folds(len(labels)):
        folds = inner_folds(labels[train], 4)
        tried = {}
        for edges in poolings:
            rows = pool(running, edges)
            for offset in WIDEST["offsets"]:
                (losses,) = inner_losses(rows[train], labels[train], folds, offset, WIDEST["strengths"])
                scaling = Scaling.learn(rows[train], offset)
                axes = PrincipalAxes(scaling.apply(rows[train]))
                weights, intercepts = solve(axes, labels[train], WIDEST["strengths"], n_classes=n_classes)
                tried[edges, offset] = (
                    losses,
                    softmax(axes.rotate(scaling.apply(rows[test])) @ weights + intercepts[:, None]),
                )
        scores.append([score(_averaged(tried, counts.shape[1], variant), labels[test]) for variant in variants])
    return np.swapaxes(scores, 0, 1)


def _averaged(tried: dict, n_bins: int, variant: dict) -> np.ndarray:
    space = LINEAR | variant
    strengths = [WIDEST["strengths"].index(strength) for strength in space["strengths"]]
    best = []
    for edges in distinct_poolings(n_bins, space["windows"], space["n_bins"]):
        for offset in space["offsets"]:
            losses, probability = tried[edges, offset]
            chosen = min(strengths, key=lambda number: losses[number])
            best.append((losses[chosen], probability[chosen]))
    best.sort(key=lambda pair: pair[0])
    return np.mean([probability for _, probability in best[: space["n_averaged"]]], axis=0)


CHOICES = {"logistic_regression": Choice(recorded, linear_scores, LINEAR_VARIANTS)}

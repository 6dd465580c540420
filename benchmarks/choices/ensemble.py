"""Members and weights of the ensemble, scored side by side.

Every decoder that may be a member is fitted once an outer fold, with its defaults. Weights for a fold are learned on
the test blocks of the others, which stand in for the inner blocks that the ensemble itself holds out: no member has
seen the block that it is weighed on, and the weights have not seen the block that is scored.
"""

from functools import partial
from itertools import combinations

import numpy as np

from benchmarks.choices import Choice
from benchmarks.choices.recordings import outer_folds, recorded, score
from neuropipe import decoders
from neuropipe.decoders.ensemble import choose_shrinkage, mixture_weights

MEMBERS = ("logistic_regression", "pca_logistic", "svm", "xgboost", "gru", "transformer")
SESSIONS = (8, 12, 18)
SHRINKAGES = (30.0, 100.0, 300.0)
# All members, each alone, and all but one or two, with equal shares; then weights learned for some of them.
GROUPS = [MEMBERS, *((name,) for name in MEMBERS)]
GROUPS += [group for size in (2, 3, 4, 5) for group in combinations(MEMBERS, size) if "logistic_regression" in group]
VARIANTS = [
    *({"members": group, "shrinkages": ()} for group in GROUPS),
    *({"members": group, "shrinkages": SHRINKAGES} for group in GROUPS if len(group) > 2),
    *({"members": MEMBERS, "shrinkages": (each,)} for each in (0.0, *SHRINKAGES)),
]


def scores(counts: np.ndarray, labels: np.ndarray, variants: list[dict]) -> np.ndarray:
    """(variant, fold, [log loss, accuracy])"""
    folds = list(outer_folds(len(labels)))
    each = [_predicted(counts, labels, train, test) for train, test in folds]
    found = []
    for variant in variants:
        columns = [MEMBERS.index(name) for name in variant["members"]]
        of_folds = []
        for held, (_, test) in enumerate(folds):
            blocks = [
                np.maximum(probability[columns][:, np.arange(len(block)), labels[block]].T, 1e-6)
                for other, (probability, (_, block)) in enumerate(zip(each, folds, strict=True))
                if other != held
            ]
            weights = mixture_weights(np.concatenate(blocks), choose_shrinkage(blocks, variant["shrinkages"]))
            of_folds.append(score(np.tensordot(weights, each[held][columns], axes=1), labels[test]))
        found.append(of_folds)
    return np.array(found)


def _predicted(counts, labels, train, test) -> np.ndarray:
    """Probabilities of every member: (member, trial, class)."""
    every = np.zeros((len(MEMBERS), len(test), labels.max() + 1))
    for member, name in enumerate(MEMBERS):
        fitted = decoders.make(name).fit(counts[train], labels[train])
        every[member][:, fitted.classes_] = fitted.predict_proba(counts[test])
    return every


CHOICES = {"ensemble": Choice(partial(recorded, SESSIONS), scores, VARIANTS)}

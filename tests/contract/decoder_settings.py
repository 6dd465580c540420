"""Small settings of decoders for contract tests. A decoder that is not named here is tested with its defaults.

Networks need no entry: every decoder with the parameter `n_epochs` is trained briefly.
"""

from neuropipe import decoders

PLUGINS = decoders.available()
CLASSIFIERS = [name for name, plugin in PLUGINS.items() if plugin.facts["task"] == "classification"]
REGRESSORS = [name for name, plugin in PLUGINS.items() if plugin.facts["task"] == "regression"]
NETWORK_CLASSIFIERS = [name for name in CLASSIFIERS if "n_epochs" in PLUGINS[name].parameters]
NETWORK_REGRESSORS = [name for name in REGRESSORS if "n_epochs" in PLUGINS[name].parameters]

# Enough training to learn easy tasks.
_CLASSIFIER = {
    "n_seeds": 1,
    "n_inner_folds": 0,
    "n_epochs": 15,
    "width": 32,
    "unit_dropout": 0.2,
    "learning_rate": 0.01,
}
_REGRESSOR = {
    "n_seeds": 1,
    "n_inner_folds": 0,
    "n_epochs": 12,
    "width": 16,
    "learning_rate": 0.02,
    "batch_size": 32,
}
QUICK = {
    "logistic_regression": {"n_bins": (1, 2), "offsets": (0.0, 30.0), "strengths": (1.0, 16.0), "n_averaged": 3},
    "xgboost": {"n_rounds": 40, "n_threads": 1, "learning_rate": 0.2},
    "pca_logistic": {"n_bins": (1, 2), "offsets": (30.0,), "strengths": (1.0, 16.0), "components": (5, 10)},
    "svm": {"n_bins": (1, 2), "offsets": (30.0,), "strengths": (2.0,), "gammas": (0.3,), "n_averaged": 3},
    "lda": {"n_bins": (1, 2), "n_averaged": 3},
    "knn": {"n_bins": (1, 2), "offsets": (30.0,), "components": (5, 10), "n_averaged": 3},
    "ensemble": {"members": ("rate_logistic", "naive_bayes"), "n_inner_folds": 3},
    # With few units, dropping one changes the share of spikes of all others, which is what it reads.
    "spike_transformer": {"unit_dropout": 0.0, "n_epochs": 30},
}
# Two epochs are enough for shapes, errors, saving and determinism.
_TWO_EPOCHS = {"n_seeds": 1, "n_inner_folds": 0, "n_epochs": 2, "width": 8}


def quick(name: str, **parameters):
    """A decoder that learns easy tasks in a fraction of a second."""
    network = {}
    if name in NETWORK_CLASSIFIERS:
        network = _CLASSIFIER
    elif name in NETWORK_REGRESSORS:
        network = _REGRESSOR
    return decoders.make(name, **{**network, **QUICK.get(name, {}), **parameters})


def brief(name: str, **parameters):
    """A decoder that is fitted as fast as possible; what it predicts does not matter."""
    if name in NETWORK_CLASSIFIERS or name in NETWORK_REGRESSORS:
        return decoders.make(name, **{**_TWO_EPOCHS, **parameters})
    return decoders.make(name, **{**QUICK.get(name, {}), **parameters})


def one_per_family(names: list[str]) -> list[str]:
    """One of all decoders that inherit `_learn` from the same bases; each one that has its own `_learn`."""
    families = {}
    for name in sorted(names, key=QUICK.__contains__):  # those with settings of their own are the slower ones
        kind = PLUGINS[name].load()
        families.setdefault((kind.__mro__[1:], name if "_learn" in vars(kind) else ""), name)
    return list(families.values())

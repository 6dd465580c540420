"""Decoders: from neural activity to what the animal saw, chose or did.

One module per architecture, with its classifier and its regressor. `networks/` holds what neural networks share.

Contract (scikit-learn's estimator API): `fit(X, y, *, trial_start=None)`, `predict(X)`, `predict_proba(X)`,
`get_params`, `set_params`. Rows are trials in time order. With input = "counts", X is (trial, bin, unit) or
(trial, unit). Everything learned (scaling, window, hyperparameters) is learned in `fit` from the rows it is given.
"""

from neuropipe.registry import Registry

registry = Registry("decoder", __name__)
available = registry.available
make = registry.make

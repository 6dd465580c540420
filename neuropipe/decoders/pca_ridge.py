"""Ridge regression on the recent past of the population's leading principal components."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from neuropipe.decoders.base import CountsRegressor
from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.ridge_path import Choice, RidgePath
from neuropipe.decoders.scaling import Scaling
from neuropipe.parameters import COUNT, FOLDS, NOT_NEGATIVE, POSITIVE, Parameters, each_of
from neuropipe.registry import decoder

_FILE = "pca_ridge.safetensors"


@decoder("pca_ridge", task="regression", input="counts", tools=("numpy", "scikit-learn"))
class PCARidge(Parameters, CountsRegressor):
    """Ridge regression on the history of principal components of the units; their number is chosen in training.

    Counts of a bin are scaled, (x - mean) / (sd + c x mean sd), and projected on the components of largest variance
    over the training samples (why a few components hold most of the shared variance: Cunningham & Yu 2014, Nat Neurosci
    17:1500). Each component in each bin of the history is a feature. Components keep their variances, so that the
    penalty affects the weaker ones more. Their number and the penalty are those of least squared error over contiguous
    blocks of the training samples; samples that share bins with a held-out block are not trained on.

    components : numbers of components to try, None for all; scale_offset : c; strengths : penalties to try, as in
    `ridge`; n_inner_folds : blocks of training samples
    n_components_, strength_ : (k,) the chosen values
    """

    _parameter_constraints = {
        "components": each_of(COUNT, None),
        "scale_offset": [NOT_NEGATIVE],
        "strengths": each_of(POSITIVE),
        "n_inner_folds": [FOLDS],
    }

    components: tuple[int | None, ...] = (10, 20, 40, 80)
    scale_offset: float = 1.0
    strengths: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    n_inner_folds: int = 3

    def _learn(self, counts, targets, times):
        scaling = Scaling.learn(counts[:, -1], self.scale_offset)
        axes = PrincipalAxes(scaling.apply(counts[:, -1]))
        directions = axes.feature_weights(np.eye(len(axes.variance))[:, ::-1])
        if not directions.size:  # all units are silent
            directions = np.zeros((counts.shape[2], 1))
        directions = scaling.factor[:, None] * directions
        every = (counts.reshape(-1, counts.shape[2]) - scaling.mean) @ directions
        every = every.reshape(*counts.shape[:2], -1)
        tried = sorted({min(number or every.shape[2], every.shape[2]) for number in self.components})
        best: tuple[Choice, int, RidgePath] | None = None
        for number in tried:
            path = RidgePath(every[:, :, :number].reshape(len(counts), -1), targets)
            choice = path.choose(self.strengths, self.n_inner_folds, gap=counts.shape[1])
            if best is None or choice.error < best[0].error:
                best = choice, number, path
        assert best is not None, "at least one number of components is tried"
        choice, self.n_components_, path = best
        self.strength_ = choice.penalties
        weights, intercept = path.fit(choice.penalties)
        # Back to one weight per unit and bin.
        weights = weights.reshape(counts.shape[1], self.n_components_, -1)
        weights = np.einsum("uc,bck->buk", directions[:, : self.n_components_], weights)
        self.intercept_ = intercept - np.einsum("u,buk->k", scaling.mean, weights)
        self.weights_ = weights.reshape(-1, targets.shape[1])

    def _estimates(self, counts):
        return counts.reshape(len(counts), -1) @ self.weights_ + self.intercept_

    def _write(self, folder: Path) -> dict:
        save_file({"weights": np.ascontiguousarray(self.weights_), "intercept": self.intercept_}, folder / _FILE)
        return {"strengths": self.strength_.tolist(), "n_components": self.n_components_}

    def _read(self, folder, learned):
        arrays = load_file(folder / _FILE)
        self.weights_, self.intercept_ = arrays["weights"], arrays["intercept"]
        self.strength_, self.n_components_ = np.array(learned["strengths"]), learned["n_components"]

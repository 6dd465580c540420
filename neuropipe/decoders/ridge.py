"""Wiener filter: behaviour as a weighted sum of the recent spike counts of all units."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from neuropipe.decoders.base import CountsRegressor
from neuropipe.decoders.ridge_path import Choice, RidgePath
from neuropipe.parameters import COUNT, FOLDS, POSITIVE, Parameters, each_of
from neuropipe.registry import decoder

_FILE = "ridge.safetensors"


@decoder("ridge", task="regression", input="counts", tools=("numpy", "scikit-learn"))
class Ridge(Parameters, CountsRegressor):
    """Ridge regression on the counts of every unit in every bin of the history (Wiener filter with lags).

    Warland et al. 1997, J Neurophysiol 78:2336; Carmena et al. 2003, PLoS Biol 1:e42. There is one weight per unit and
    bin. Each target has its own penalty, chosen by squared error over contiguous blocks of the training samples;
    samples that share bins with a held-out block are not trained on.

    strengths : penalties to try, in units of the features' mean variance times the number of samples: 1 halves the
        weight of a direction of mean variance
    lags : numbers of a sample's last bins to try; if empty, all bins are used
    n_inner_folds : blocks of training samples
    strength_ : (k,) and n_lags_ : the chosen values
    """

    _parameter_constraints = {
        "strengths": each_of(POSITIVE),
        "lags": each_of(COUNT, at_least=0),
        "n_inner_folds": [FOLDS],
    }

    strengths: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    lags: tuple[int, ...] = ()
    n_inner_folds: int = 3

    def _learn(self, counts, targets, times):
        n_bins = counts.shape[1]
        tried = sorted({min(n_lags, n_bins) for n_lags in self.lags}) or [n_bins]
        best: tuple[Choice, int, RidgePath] | None = None
        for n_lags in tried:
            path = RidgePath(_features(counts, n_lags), targets)
            choice = path.choose(self.strengths, self.n_inner_folds, gap=n_bins)
            if best is None or choice.error < best[0].error:
                best = choice, n_lags, path
        assert best is not None, "at least one number of lags is tried"
        choice, self.n_lags_, path = best
        self.strength_ = choice.penalties
        self.weights_, self.intercept_ = path.fit(choice.penalties)

    def _estimates(self, counts):
        return _features(counts, self.n_lags_) @ self.weights_ + self.intercept_

    def _write(self, folder: Path) -> dict:
        save_file({"weights": np.ascontiguousarray(self.weights_), "intercept": self.intercept_}, folder / _FILE)
        return {"strengths": self.strength_.tolist(), "n_lags": self.n_lags_}

    def _read(self, folder, learned):
        arrays = load_file(folder / _FILE)
        self.weights_, self.intercept_ = arrays["weights"], arrays["intercept"]
        self.strength_, self.n_lags_ = np.array(learned["strengths"]), learned["n_lags"]


def _features(counts: np.ndarray, n_lags: int) -> np.ndarray:
    return counts[:, counts.shape[1] - n_lags :].reshape(len(counts), -1)

"""Gradient-boosted trees on coarse spike counts, which can use interactions between units."""

from numbers import Real
from pathlib import Path

import numpy as np
import xgboost
from sklearn.utils._param_validation import Interval

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.pooling import cumulate, distinct_poolings, pool
from neuropipe.parameters import COUNT, COUNT_OR_ZERO, NOT_NEGATIVE, POSITIVE, Parameters, each_of
from neuropipe.registry import decoder

_FILE = "xgboost.ubj"
_SHARE = Interval(Real, 0, 1, closed="right")


@decoder("xgboost", task="classification", input="counts", tools=("xgboost",), runtime_only=("n_threads",))
class XGBoostDecoder(Parameters, CountsDecoder):
    """XGBoost (Chen & Guestrin 2016) on the spike counts of every unit in the trial, its halves, quarters and eighths.

    A few hundred trials are too few to choose the many settings of trees, so none is chosen here: the defaults were
    chosen by log loss on other recordings than those they are reported on (docs/choices/decoders.md).

    n_bins : numbers of equal bins that the trial is cut into, all used side by side, so that trees can split at any of
    these resolutions; n_rounds : trees per class; learning_rate : shrinkage of each tree; max_depth : depth of each
    tree; feature_fraction, trial_fraction : shares of features and trials drawn for each tree; leaf_penalty : L2
    penalty on leaf values; seed : of these random draws; n_threads : threads, which do not change the result (more
    threads than idle cores are slower than one)
    """

    _parameter_constraints = {
        "n_bins": each_of(COUNT),
        "n_rounds": [COUNT],
        "learning_rate": [POSITIVE],
        "max_depth": [COUNT],
        "feature_fraction": [_SHARE],
        "trial_fraction": [_SHARE],
        "leaf_penalty": [NOT_NEGATIVE],
        "seed": [COUNT_OR_ZERO],
        "n_threads": [COUNT],
    }

    n_bins: tuple[int, ...] = (1, 2, 4, 8)
    n_rounds: int = 150
    learning_rate: float = 0.05
    max_depth: int = 2
    feature_fraction: float = 0.1
    trial_fraction: float = 0.5
    leaf_penalty: float = 1.0
    seed: int = 0
    n_threads: int = 1

    def _learn(self, counts, labels):
        parameters = {
            "objective": "multi:softprob",
            "num_class": len(self.classes_),
            "tree_method": "hist",
            # Counts in coarse bins take few values, so finer histograms only cost time.
            "max_bin": 32,
            "learning_rate": self.learning_rate,
            "max_depth": self.max_depth,
            "colsample_bytree": self.feature_fraction,
            "subsample": self.trial_fraction,
            "reg_lambda": self.leaf_penalty,
            "seed": self.seed,
            "nthread": self.n_threads,
            "verbosity": 0,
        }
        trials = xgboost.QuantileDMatrix(self._features(counts), labels, nthread=self.n_threads, max_bin=32)
        self.booster_ = xgboost.train(parameters, trials, self.n_rounds)

    def _features(self, counts: np.ndarray) -> np.ndarray:
        running = cumulate(counts)
        poolings = distinct_poolings(counts.shape[1], [(0.0, 1.0)], self.n_bins)
        return np.hstack([pool(running, edges).astype(np.float32) for edges in poolings])

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        trials = xgboost.DMatrix(self._features(counts), nthread=self.n_threads)
        probability = self.booster_.predict(trials).astype(np.float64)
        return probability / probability.sum(axis=1, keepdims=True)

    def _write(self, folder: Path) -> None:
        self.booster_.save_model(folder / _FILE)

    def _read(self, folder, learned):
        self.booster_ = xgboost.Booster({"nthread": self.n_threads}, model_file=folder / _FILE)

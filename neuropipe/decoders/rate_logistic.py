"""Logistic regression on firing rates of whole trials: the baseline for decoders of spike patterns."""

from pathlib import Path

import numpy as np

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import LinearModel, Setting, rank_settings, read_models, write_models
from neuropipe.decoders.pooling import cumulate
from neuropipe.parameters import FOLDS, POSITIVE, Parameters, each_of
from neuropipe.registry import decoder


@decoder("rate_logistic", task="classification", input="counts", tools=("numpy", "scikit-learn"))
class RateLogistic(Parameters, CountsDecoder):
    """L2 logistic regression on one z-scored firing rate per unit.

    The inverse penalty C is chosen by log loss over contiguous blocks of the training trials.

    strengths : values of C to try, for trials of mean squared length 1 (see `scaling.py`); n_inner_folds : blocks of
    training trials (see `inner_folds.py`)
    setting_ : the chosen setting, with its inner log loss
    """

    _parameter_constraints = {"strengths": each_of(POSITIVE), "n_inner_folds": [FOLDS]}

    strengths: tuple[float, ...] = (0.25, 1.0, 4.0, 16.0, 64.0)
    n_inner_folds: int = 4

    def _learn(self, counts, labels):
        running = cumulate(counts)
        whole = (0, counts.shape[1])
        folds = inner_folds(labels, self.n_inner_folds)
        self.setting_ = rank_settings(running, labels, folds, [whole], [0.0], self.strengths)[0]
        self.model_ = LinearModel.fit(running, labels, self.setting_)

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        return self.model_.probabilities(cumulate(counts))

    def _write(self, folder: Path) -> dict:
        write_models(folder, [self.model_])
        return vars(self.setting_)

    def _read(self, folder, learned):
        self.setting_ = Setting.read(learned)
        (self.model_,) = read_models(folder, [self.setting_])

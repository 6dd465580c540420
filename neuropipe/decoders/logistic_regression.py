"""Logistic regression on spike counts, in the window and at the bin width that predict best."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import LinearModel, Setting, rank_settings, read_models, write_models
from neuropipe.decoders.parameters import SearchSpace
from neuropipe.decoders.pooling import cumulate, distinct_poolings
from neuropipe.parameters import NOT_NEGATIVE, POSITIVE, each_of
from neuropipe.registry import decoder


@decoder("logistic_regression", task="classification", input="counts", tools=("numpy", "scikit-learn"))
class LogisticRegressionDecoder(SearchSpace, CountsDecoder):
    """L2 logistic regression; window, bin width, scaling and penalty are chosen inside the training trials.

    For every window x number of bins x c, the best C is chosen by log loss over contiguous blocks of the training
    trials. The `n_averaged` best combinations are fitted on all training trials and their probabilities averaged, which
    varies less than the single best: a few hundred trials cannot distinguish similar settings. How the defaults were
    chosen, and on which recordings: docs/choices/decoders.md.

    windows : parts of the trial, (start, stop) as fractions of it; n_bins : numbers of bins that a window is cut into;
    offsets : c of the scaling (x - mean) / (sd + c), in units of the features' mean sd; strengths : inverse penalties
    C, for trials of mean squared length 1 (see `scaling.py`); n_inner_folds : blocks of training trials (see
    `inner_folds.py`); n_averaged : models averaged
    settings_ : the chosen settings, best first, each with its inner log loss
    """

    _parameter_constraints = {"offsets": each_of(NOT_NEGATIVE), "strengths": each_of(POSITIVE)}
    components: ClassVar[tuple[int | None, ...]] = (None,)  # all principal axes

    offsets: tuple[float, ...] = (0.0, 1.0, 30.0)
    strengths: tuple[float, ...] = (0.25, 1.0, 4.0, 16.0, 64.0)

    def _learn(self, counts, labels):
        running = cumulate(counts)
        poolings = distinct_poolings(counts.shape[1], self.windows, self.n_bins)
        folds = inner_folds(labels, self.n_inner_folds)
        ranked = rank_settings(running, labels, folds, poolings, self.offsets, self.strengths, self.components)
        self.settings_ = ranked[: self.n_averaged]
        self.models_ = [LinearModel.fit(running, labels, setting) for setting in self.settings_]

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        running = cumulate(counts)
        return np.mean([model.probabilities(running) for model in self.models_], axis=0)

    def _write(self, folder: Path) -> list[dict]:
        write_models(folder, self.models_)
        return [vars(setting) for setting in self.settings_]

    def _read(self, folder, learned):
        self.settings_ = [Setting.read(setting) for setting in learned]
        self.models_ = read_models(folder, self.settings_)

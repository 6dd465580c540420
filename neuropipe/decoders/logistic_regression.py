"""Logistic regression on the spike counts of whichever part of the trial predicts, at whichever resolution."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import LinearModel, Setting, rank_settings, read_models, write_models
from neuropipe.decoders.parameters import ViewParameters
from neuropipe.decoders.pooling import cumulate, distinct_poolings
from neuropipe.decoders.space import check_space
from neuropipe.registry import decoder


@decoder("logistic_regression", task="classification", input="counts", tools=("numpy", "scikit-learn"))
class LogisticRegressionDecoder(ViewParameters, CountsDecoder):
    """L2 logistic regression; window, bin width, scaling and penalty are chosen inside the training trials.

    Every window x number of bins x c is given its best C by log loss over contiguous blocks of the training trials. The
    `n_averaged` best of them are fitted on all training trials and their probabilities averaged, which is steadier than
    the single best: inner log losses of a few hundred trials can't tell neighbours apart. How the defaults were chosen,
    and on which recordings: docs/choices/decoders.md.

    windows : parts of the trial, (start, stop) as fractions of it; n_bins : numbers of bins that a window is cut into;
    offsets : c of the scaling (x - mean) / (sd + c), over the mean sd of the features; strengths : C, for features
    shrunk together until the mean squared length of a trial is 1 (see `scaling.py`); n_inner_folds : blocks of
    training trials (see `inner_folds.py`); n_averaged : models averaged
    settings_ : what was chosen, best first, with the inner log loss of each
    """

    components: ClassVar[tuple[int | None, ...]] = (None,)  # principal axes: all of them

    offsets: tuple[float, ...] = (0.0, 1.0, 30.0)
    strengths: tuple[float, ...] = (0.25, 1.0, 4.0, 16.0, 64.0)

    def _learn(self, counts, labels):
        check_space(self)
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

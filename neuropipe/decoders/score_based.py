"""Base class of score-based classifiers: model selection, calibration, averaging."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.calibration import Calibration
from neuropipe.decoders.inner_folds import InnerFold, inner_folds
from neuropipe.decoders.parameters import SearchSpace
from neuropipe.decoders.pooling import cumulate, distinct_poolings

_FILE = "arrays.safetensors"


@dataclass(frozen=True)
class FeatureSet:
    """How features are made of a trial.

    edges : counts are summed between these bins; scale_offset : c of `Scaling`, not used by models without scaling
    """

    edges: tuple[int, ...]
    scale_offset: float


@dataclass(frozen=True)
class Choice:
    """The best candidate for a feature set. log_loss : nat per held-out trial, None where none could be held out"""

    features: FeatureSet
    candidate: tuple
    log_loss: float | None
    calibration: Calibration


@dataclass(frozen=True, kw_only=True)
class ScoreModel:
    """A fitted candidate with its feature set and calibration."""

    edges: tuple[int, ...]
    offset: float | None
    log_loss: float | None
    slope: np.ndarray
    log_frequencies: np.ndarray

    @abstractmethod
    def scores(self, running: np.ndarray) -> np.ndarray:
        """Running sums of counts (trial, bin + 1, unit) -> (trial, class)."""

    def probabilities(self, running: np.ndarray) -> np.ndarray:
        """Running sums of counts (trial, bin + 1, unit) -> calibrated probabilities (trial, class)."""
        return Calibration(self.slope, self.log_frequencies).probabilities(self.scores(running)[None])[0]


class ScoreBasedDecoder(SearchSpace, CountsDecoder):
    """Base class of decoders that compare candidate models by calibrated log loss and average the best.

    For every feature set (window x number of bins x scaling), each candidate is fitted without each of n_inner_folds
    contiguous blocks of training trials. Its scores of the held-out trials give its calibration (see `calibration.py`)
    and its log loss. The best candidate of each of the `n_averaged` best feature sets is then fitted on all training
    trials and keeps the calibration of the inner folds.

    A subclass has `offsets`, the values of c to try, as a parameter or as a fixed class attribute.
    """

    model: ClassVar[type[ScoreModel]]

    @abstractmethod
    def candidates(self) -> list[tuple]:
        """The settings that are compared for every feature set."""

    @abstractmethod
    def held_out_scores(
        self, running: np.ndarray, labels: np.ndarray, folds: Sequence[InnerFold], features: FeatureSet
    ) -> np.ndarray:
        """(candidate, validated trial, class), inner folds concatenated. running : (trial, bin + 1, unit)"""

    @abstractmethod
    def fit_candidate(
        self, running: np.ndarray, labels: np.ndarray, features: FeatureSet, candidate: tuple
    ) -> dict[str, Any]:
        """Fit a candidate on all trials given -> the fields that `model` adds to ScoreModel."""

    def feature_sets(self, n_bins: int) -> list[FeatureSet]:
        """Every distinct window x number of bins x scaling, for trials of n_bins bins."""
        poolings = distinct_poolings(n_bins, self.windows, self.n_bins)
        return [FeatureSet(edges, offset) for edges in poolings for offset in self.offsets]

    def compare(
        self, running: np.ndarray, labels: np.ndarray, folds: Sequence[InnerFold]
    ) -> Iterator[tuple[FeatureSet, np.ndarray, Calibration]]:
        """Yield every feature set with the log losses (candidate,) and calibrations of its candidates."""
        frequencies = np.bincount(labels) / len(labels)
        validated = labels[np.concatenate([fold.validate for fold in folds])]
        for features in self.feature_sets(running.shape[1] - 1):
            scores = self.held_out_scores(running, labels, folds, features)
            calibration = Calibration.learn(scores, validated, frequencies)
            yield features, calibration.log_losses(scores, validated), calibration

    def fit_choice(self, running: np.ndarray, labels: np.ndarray, choice: Choice) -> ScoreModel:
        """Fit the chosen candidate on all trials given."""
        return self.model(
            edges=choice.features.edges,
            offset=choice.features.scale_offset,
            log_loss=choice.log_loss,
            slope=choice.calibration.slope,
            log_frequencies=choice.calibration.log_frequencies,
            **self.fit_candidate(running, labels, choice.features, choice.candidate),
        )

    def _learn(self, counts, labels):
        candidates, running = self.candidates(), cumulate(counts)
        folds = inner_folds(labels, self.n_inner_folds)
        if folds:
            choices = []
            for features, losses, calibration in self.compare(running, labels, folds):
                best = int(losses.argmin())
                choices.append(Choice(features, candidates[best], float(losses[best]), calibration[best]))
            choices.sort(key=lambda choice: choice.log_loss or 0.0)
        else:
            uncalibrated = Calibration.uncalibrated(np.bincount(labels) / len(labels))
            first, middle = self.feature_sets(counts.shape[1])[0], candidates[len(candidates) // 2]
            choices = [Choice(first, middle, None, uncalibrated)]
        self.models_ = [self.fit_choice(running, labels, choice) for choice in choices[: self.n_averaged]]

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        running = cumulate(counts)
        return np.mean([model.probabilities(running) for model in self.models_], axis=0)

    def _write(self, folder: Path) -> list[dict]:
        """Arrays of the models go into one file; their other fields are returned."""
        arrays, facts = {}, []
        for number, model in enumerate(self.models_):
            fields = vars(model)
            own = {name: value for name, value in fields.items() if isinstance(value, np.ndarray)}
            arrays |= {f"{number}.{name}": np.ascontiguousarray(value) for name, value in own.items()}
            facts.append({name: value for name, value in fields.items() if name not in own})
        save_file(arrays, folder / _FILE)
        return facts

    def _read(self, folder, learned):
        arrays = load_file(folder / _FILE)
        names = self.model.__dataclass_fields__
        self.models_ = []
        for number, facts in enumerate(learned):
            own = {name: arrays[f"{number}.{name}"] for name in names if f"{number}.{name}" in arrays}
            self.models_.append(self.model(**own, **facts | {"edges": tuple(facts["edges"])}))

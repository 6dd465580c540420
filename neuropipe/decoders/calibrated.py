"""What decoders share that score classes rather than give probabilities: choosing, calibrating, averaging."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from neuropipe.decoders.arrays import read_arrays, write_arrays
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.calibration import Calibration
from neuropipe.decoders.inner_folds import InnerFold, inner_folds
from neuropipe.decoders.parameters import ViewParameters
from neuropipe.decoders.pooling import cumulate, distinct_poolings
from neuropipe.decoders.space import check_space


@dataclass(frozen=True)
class View:
    """One way to look at a trial: bin edges between which counts are summed, c of their scaling (None: unscaled)."""

    edges: tuple[int, ...]
    offset: float | None


@dataclass(frozen=True)
class Choice:
    """The best candidate of a view; log_loss : nat a held-out trial, None where none could be held out."""

    view: View
    candidate: tuple
    log_loss: float | None
    calibration: Calibration


@dataclass(frozen=True, kw_only=True)
class CalibratedModel:
    """One fitted candidate of one view."""

    edges: tuple[int, ...]
    offset: float | None
    log_loss: float | None
    slope: np.ndarray
    log_frequencies: np.ndarray

    @abstractmethod
    def scores(self, running: np.ndarray) -> np.ndarray:
        """Running sums of counts (trial, bin + 1, unit) -> (trial, class)."""

    def probabilities(self, running: np.ndarray) -> np.ndarray:
        return Calibration(self.slope, self.log_frequencies).probabilities(self.scores(running)[None])[0]


class CalibratedDecoder(ViewParameters, CountsDecoder):
    """Of every view of the trial the best candidate by calibrated log loss; the `n_averaged` best are averaged.

    Scores of trials held out in contiguous blocks give each candidate its calibration (see `calibration.py`) and its
    log loss. The best are then fitted on all training trials and keep the calibration of the inner folds.
    Subclasses have offsets, the values of c that are tried, as a parameter or for good.
    """

    model: ClassVar[type[CalibratedModel]]

    @abstractmethod
    def candidates(self) -> list[tuple]:
        """What is chosen among in every view."""

    @abstractmethod
    def held_out_scores(
        self, running: np.ndarray, labels: np.ndarray, folds: Sequence[InnerFold], view: View
    ) -> np.ndarray:
        """(candidate, validated trial, class), inner folds one after another; running : (trial, bin + 1, unit)"""

    @abstractmethod
    def fit_candidate(self, running: np.ndarray, labels: np.ndarray, view: View, candidate: tuple) -> dict[str, Any]:
        """What `model` holds beyond view and calibration, learned from all trials given."""

    def views(self, n_bins: int) -> list[View]:
        poolings = distinct_poolings(n_bins, self.windows, self.n_bins)
        return [View(edges, offset) for edges, offset in product(poolings, self.offsets)]

    def calibrations(
        self, running: np.ndarray, labels: np.ndarray, folds: Sequence[InnerFold]
    ) -> Iterator[tuple[View, np.ndarray, Calibration]]:
        """View, log losses (candidate,) and calibrations of its candidates."""
        frequencies = np.bincount(labels) / len(labels)
        validated = labels[np.concatenate([fold.validate for fold in folds])]
        for view in self.views(running.shape[1] - 1):
            scores = self.held_out_scores(running, labels, folds, view)
            calibration = Calibration.learn(scores, validated, frequencies)
            yield view, calibration.log_losses(scores, validated), calibration

    def fit_choice(self, running: np.ndarray, labels: np.ndarray, choice: Choice) -> CalibratedModel:
        return self.model(
            edges=choice.view.edges,
            offset=choice.view.offset,
            log_loss=choice.log_loss,
            slope=choice.calibration.slope,
            log_frequencies=choice.calibration.log_frequencies,
            **self.fit_candidate(running, labels, choice.view, choice.candidate),
        )

    def _learn(self, counts, labels):
        check_space(self)
        candidates, running = self.candidates(), cumulate(counts)
        folds = inner_folds(labels, self.n_inner_folds)
        if folds:
            choices = [
                Choice(view, candidates[losses.argmin()], float(losses.min()), calibration[losses.argmin()])
                for view, losses, calibration in self.calibrations(running, labels, folds)
            ]
            choices.sort(key=lambda choice: choice.log_loss)
        else:
            trusting = Calibration.trusting(np.bincount(labels) / len(labels))
            choices = [Choice(self.views(counts.shape[1])[0], candidates[len(candidates) // 2], None, trusting)]
        self.models_ = [self.fit_choice(running, labels, choice) for choice in choices[: self.n_averaged]]

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        running = cumulate(counts)
        return np.mean([model.probabilities(running) for model in self.models_], axis=0)

    def _write(self, folder: Path) -> list[dict]:
        return write_arrays(folder, self.models_)

    def _read(self, folder, learned):
        self.models_ = read_arrays(folder, learned, self.model)

"""Base classes of decoders: they validate input, encode labels, save as JSON and plain arrays, and load."""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from neuropipe.decoders.inputs import read_counts, read_labels, read_targets, read_time_order, refuse_negative
from neuropipe.errors import BadInput
from neuropipe.parameters import check_parameters

_FACTS = "decoder.json"


class _SavedDecoder(BaseEstimator, ABC):
    """Saving and loading of decoders of (sample, bin, unit) or (sample, unit) counts.

    A class declares the values that its parameters may take as `_parameter_constraints` (see `parameters.py`);
    `fit` checks them.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    def save(self, folder: Path) -> None:
        """Write the fitted decoder into a folder, as JSON and plain arrays. The folder is created if needed."""
        check_is_fitted(self, "n_units_")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "decoder": self.plugin_name,
            "parameters": self.get_params(),
            **self._describe_outputs(),
            "n_bins": self.n_bins_,
            "n_units": self.n_units_,
            "learned": self._write(folder),
        }
        (folder / _FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "_SavedDecoder":
        """Load the decoder that `save` wrote; its predictions are identical."""
        path = Path(folder) / _FACTS
        if not path.is_file():
            raise BadInput(f"{folder} holds no saved decoder: {_FACTS} is missing")
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["decoder"] != cls.plugin_name:
            raise BadInput(f"{folder} holds the decoder {facts['decoder']!r}, not {cls.plugin_name!r}")
        decoder = cls(**{name: _as_tuple(value) for name, value in facts["parameters"].items()})
        decoder._restore_outputs(facts)
        decoder.n_bins_, decoder.n_units_ = facts["n_bins"], facts["n_units"]
        if decoder.n_bins_ == 1:
            decoder.n_features_in_ = decoder.n_units_
        decoder._read(Path(folder), facts["learned"])
        return decoder

    def _validate_params(self) -> None:
        check_parameters(self)

    @abstractmethod
    def _describe_outputs(self) -> dict[str, Any]:
        """What `predict` returns (classes, or the number of targets), as JSON."""

    @abstractmethod
    def _restore_outputs(self, facts: dict[str, Any]) -> None:
        """Set the attributes that `_describe_outputs` described."""

    @abstractmethod
    def _write(self, folder: Path) -> Any:
        """Write learned arrays into files of the folder. The return value is saved as JSON beside them."""

    @abstractmethod
    def _read(self, folder: Path, learned: Any) -> None:
        """Load what `_write` wrote. learned : its return value"""


class CountsDecoder(ClassifierMixin, _SavedDecoder):
    """Base class of classifiers of (trial, bin, unit) or (trial, unit) counts.

    A subclass implements learning and prediction (`_learn`, `_probabilities`) and saving and loading of what it
    learned (`_write`, `_read`). A decoder that models numbers of spikes sets `non_negative`.
    """

    non_negative: ClassVar[bool] = False  # whether negative activity is refused

    def fit(self, X, y, *, trial_start=None):
        """Learn from trials. y : (trial,) labels; trial_start : (trial,) s, needed where rows aren't in time order."""
        self._validate_params()
        counts = self._read_counts(X, fitting=True)
        labels = read_labels(self, y, len(counts))
        order = read_time_order(trial_start, len(counts))
        self._learn(counts[order], labels[order])
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities (trial, class), classes in the order of `classes_`."""
        check_is_fitted(self, "classes_")
        return self._probabilities(self._read_counts(X, fitting=False))

    def predict(self, X) -> np.ndarray:
        """The most probable class of each trial."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return self.classes_[most_probable]

    def _read_counts(self, X, *, fitting: bool) -> np.ndarray:
        counts = read_counts(self, X, fitting=fitting)
        if self.non_negative:
            refuse_negative(self, counts)
        return counts

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = self.non_negative
        return tags

    def _describe_outputs(self) -> dict[str, Any]:
        return {
            "classes": self.classes_.tolist(),
            "classes_dtype": self.classes_.dtype.str if self.classes_.dtype != object else "object",
        }

    def _restore_outputs(self, facts: dict[str, Any]) -> None:
        self.classes_ = np.array(facts["classes"], dtype=facts["classes_dtype"])

    @abstractmethod
    def _learn(self, counts: np.ndarray, labels: np.ndarray) -> None:
        """Learn from counts (trial, bin, unit) and labels 0 .. n_classes - 1, trials in time order."""

    @abstractmethod
    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        """(trial, bin, unit) -> (trial, class)."""


class CountsRegressor(RegressorMixin, _SavedDecoder):
    """Base class of regressors from (sample, bin, unit) or (sample, unit) counts to one or more real targets.

    A sample is a bin of a continuous session with the bins before it, the current one last. A subclass implements
    learning and prediction (`_learn`, `_estimates`) and saving and loading of what it learned (`_write`, `_read`).
    """

    def fit(self, X, y, *, trial_start=None):
        """Learn from samples. y : (sample, k) or (sample,) targets; trial_start : (sample,) s, the samples' times.

        Without times, rows are taken to be consecutive bins in time order.
        """
        self._validate_params()
        counts = read_counts(self, X, fitting=True)
        targets = read_targets(self, y, len(counts))
        order = read_time_order(trial_start, len(counts))
        times = np.arange(len(counts), dtype=float) if trial_start is None else np.asarray(trial_start, float)[order]
        if np.any(np.diff(order) != 1):
            counts, targets = counts[order], targets[order]
        self._learn(counts, targets, times)
        return self

    def predict(self, X) -> np.ndarray:
        """Estimated targets, of the shape that `y` had: (sample, k) or (sample,)."""
        check_is_fitted(self, "n_targets_")
        estimates = self._estimates(read_counts(self, X, fitting=False))
        return estimates[:, 0] if self.one_target_ else estimates

    def _describe_outputs(self) -> dict[str, Any]:
        return {"n_targets": self.n_targets_, "one_target": self.one_target_}

    def _restore_outputs(self, facts: dict[str, Any]) -> None:
        self.n_targets_, self.one_target_ = facts["n_targets"], facts["one_target"]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @abstractmethod
    def _learn(self, counts: np.ndarray, targets: np.ndarray, times: np.ndarray) -> None:
        """Learn from counts (sample, bin, unit), targets (sample, k) and times (sample,) s, in time order."""

    @abstractmethod
    def _estimates(self, counts: np.ndarray) -> np.ndarray:
        """(sample, bin, unit) -> (sample, k)."""


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value

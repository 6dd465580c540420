"""Trials as decoders see them: counts in, probabilities of classes out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.schemas.binned import TrialBins
from neuropipe.schemas.recording import Recording
from neuropipe.tasks.problem import Samples


def trial_samples(binned: TrialBins, recording: Recording, block_column: str | None) -> Samples:
    """A sample per trial; blocks are read from a column of the recording's trial table."""
    blocks = None
    if block_column is not None:
        table = pd.DataFrame() if recording.trials is None else recording.trials
        if block_column not in table:
            raise BadInput(f"no column {block_column!r} in the trial table; it has {', '.join(table) or 'none'}")
        blocks = table[block_column].to_numpy()[binned.trials["trial"]]
    known = binned.starts is not None
    stops = binned.trials["stop"].to_numpy()
    return Samples(len(binned.trials), binned.labels[:], binned.starts, stops if known else None, blocks=blocks)


@dataclass(frozen=True)
class TrialProblem:
    """Counts (trial, bin, unit) and class codes of all trials, in memory."""

    counts: np.ndarray
    codes: np.ndarray
    classes: np.ndarray
    starts: np.ndarray | None

    @classmethod
    def of(cls, binned: TrialBins) -> "TrialProblem":
        return cls(binned.activity[:], binned.labels[:], np.array(binned.classes), binned.starts)

    @property
    def n_samples(self) -> int:
        return len(self.codes)

    @property
    def n_bytes(self) -> int:
        return 8 * self.counts.size

    @property
    def documents(self) -> dict[str, Any]:
        return {"classes": self.classes.tolist()}

    def fit_data(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        times = None if self.starts is None else self.starts[samples]
        return self.counts[samples], self.codes[samples], times

    def predict(self, estimator: Any, samples: np.ndarray) -> pd.DataFrame:
        """y_true, y_pred and a column p_<class> of each class, 0 for classes absent in training."""
        probabilities = np.zeros((len(samples), len(self.classes)))
        probabilities[:, estimator.classes_] = estimator.predict_proba(self.counts[samples])
        return pd.DataFrame(
            {
                "y_true": self.classes[self.codes[samples]],
                "y_pred": self.classes[probabilities.argmax(axis=1)],
                **{f"p_{name}": probabilities[:, column] for column, name in enumerate(self.classes)},
            }
        )

    def facts(self, predictions: pd.DataFrame) -> dict[str, Any]:
        accuracy = (predictions["y_true"] == predictions["y_pred"]).groupby(predictions["scheme"], sort=False).mean()
        return {"trials": self.n_samples, "accuracy": {name: round(float(v), 4) for name, v in accuracy.items()}}

"""Continuous sessions as decoders see them: bins with their history in, behaviour out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.binning.continuous import histories
from neuropipe.errors import BadInput
from neuropipe.schemas.binned import TimeBins
from neuropipe.schemas.recording import Recording
from neuropipe.tasks.problem import Samples


def time_samples(binned: TimeBins, recording: Recording, block_column: str | None) -> Samples:
    """A sample per bin with its history. A gap holds at least one history: no bin is both trained on and tested."""
    if block_column is not None:
        raise BadInput("folds.block_column names a column of the trial table; a continuous session has no trials")
    starts, stops = binned.samples["start"].to_numpy(), binned.samples["stop"].to_numpy()
    return Samples(len(binned.samples), None, starts, stops, least_gap=binned.history)


@dataclass(frozen=True)
class TimeProblem:
    """windows : (sample, bin, unit), the current bin last; truth : (sample, target); starts : (sample,) s.

    Decoders of angles are given cosine and sine of each, and their estimates are turned back: none needs to know.
    """

    windows: np.ndarray
    truth: np.ndarray
    starts: np.ndarray
    names: tuple[str, ...]
    circular: bool

    @classmethod
    def of(cls, binned: TimeBins) -> "TimeProblem":
        bins = binned.samples["bin"].to_numpy()
        windows = histories(binned.activity[:], bins, binned.history)
        return cls(windows, binned.targets[:][bins], binned.samples["start"].to_numpy(), binned.names, binned.circular)

    @property
    def n_samples(self) -> int:
        return len(self.truth)

    @property
    def n_bytes(self) -> int:
        return 8 * self.windows.size

    @property
    def documents(self) -> dict[str, Any]:
        return {"targets": {"names": list(self.names), "circular": self.circular}}

    def fit_data(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        truth = self.truth[samples]
        aims = np.hstack([np.cos(truth), np.sin(truth)]) if self.circular else truth
        return self.windows[samples], aims, self.starts[samples]

    def predict(self, estimator: Any, samples: np.ndarray) -> pd.DataFrame:
        """y_true_<target> and y_pred_<target> of each target."""
        estimates = estimator.predict(self.windows[samples])
        if self.circular:
            estimates = np.arctan2(*np.split(estimates, 2, axis=1)[::-1])
        truth = self.truth[samples]
        return pd.DataFrame(
            {
                **{f"y_true_{name}": truth[:, column] for column, name in enumerate(self.names)},
                **{f"y_pred_{name}": estimates[:, column] for column, name in enumerate(self.names)},
            }
        )

    def facts(self, predictions: pd.DataFrame) -> dict[str, Any]:
        return {"samples": self.n_samples}

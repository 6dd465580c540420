"""What a task hands to folds and to decoders."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Samples:
    """What folds are made of, a sample being a trial or a bin with its history.

    n : samples in time order; labels : (sample,) classes, None for regression; starts, stops : (sample,) s of the
    windows, None where there is no clock; least_gap : samples that a gap must have; blocks : (sample,) names of blocks
    """

    n: int
    labels: np.ndarray | None
    starts: np.ndarray | None
    stops: np.ndarray | None
    least_gap: int = 0
    blocks: np.ndarray | None = None


class Problem(Protocol):
    """What a decoder is fitted to and asked, sample by sample."""

    n_samples: int
    n_bytes: int  # of one copy of all inputs as float64
    documents: dict[str, Any]  # of Predictions: what its rows mean

    def fit_data(self, samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Inputs, what to predict, and times (s, or None) of some samples."""
        ...

    def predict(self, estimator: Any, samples: np.ndarray) -> pd.DataFrame:
        """What an estimator says of some samples, beside the truth: a row per sample."""
        ...

    def facts(self, predictions: pd.DataFrame) -> dict[str, Any]:
        """Numbers for people about all predictions."""
        ...

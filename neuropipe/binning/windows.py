"""Windows of bins: one from each trial start."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class Windows:
    """One window of n_bins bins of bin_width (s) from each of starts ((trial,) s)."""

    starts: np.ndarray
    bin_width: float
    n_bins: int

    @classmethod
    def of(cls, starts: np.ndarray, bin_width: float, n_bins: int) -> "Windows":
        """Checked windows."""
        starts = _float_vector(starts, "trial starts")
        if not np.isfinite(bin_width) or bin_width <= 0:
            raise BadInput(f"bin_width is {bin_width} s; it must be a positive number of seconds")
        if not float(n_bins).is_integer() or n_bins < 1:
            raise BadInput(f"n_bins is {n_bins}; a trial needs a whole number of bins, at least 1")
        bad = np.flatnonzero(~np.isfinite(starts))
        if len(bad):
            raise BadInput(f"trial {bad[0]} starts at {starts[bad[0]]} s; leave out trials whose start is not known")
        return cls(starts, float(bin_width), int(n_bins))

    @property
    def steps(self) -> np.ndarray:
        """(n_bins + 1,) s, the edges relative to a start."""
        return np.arange(self.n_bins + 1) * self.bin_width

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, trials: slice) -> "Windows":
        return Windows(self.starts[trials], self.bin_width, self.n_bins)


def _float_vector(values: Any, what: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 1 or (values.dtype.kind not in "fiu" and values.size):
        raise BadInput(f"{what} must be one row of numbers in s, found {values.dtype} of shape {values.shape}")
    return values.astype(np.float64)

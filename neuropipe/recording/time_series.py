"""Behavioural signals: position, velocity, head direction and the like."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class TimeSeries:
    """A behavioural signal. times : (time,) s, ascending; values : (time,) or (time, k); columns : names of the k."""

    times: np.ndarray
    values: np.ndarray
    columns: tuple[str, ...] = ()

    def check(self, name: str) -> None:
        """Refuse (BadInput) values without a time, and times that are not finite or run backwards."""
        times, values = self.times, self.values
        if times.ndim != 1 or values.ndim not in (1, 2) or len(values) != len(times):
            raise BadInput(
                f"{name} must be (time,) or (time, k) with a time for every value; found {values.shape} and "
                f"{times.shape} times"
            )
        if self.columns and (values.ndim != 2 or values.shape[1] != len(self.columns)):
            raise BadInput(f"{name} has the columns {', '.join(self.columns)}, but its values are {values.shape}")
        if not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
            raise BadInput(f"the times of {name} must be finite and ascend")

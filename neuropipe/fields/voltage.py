"""Voltage itself as a feature: filtered, in the unit of the recording."""

import numpy as np

from neuropipe.fields.filtering import band_pass, notch
from neuropipe.registry import signal_feature


@signal_feature("voltage", tools=("scipy",), modalities=("field_potentials",))
class Voltage:
    """The voltage of every channel, filtered without phase shift.

    low, high : Hz, edges of the band that is kept, None for none; mains : Hz, frequencies to remove (50 or 60 and their
    multiples); order : of the Butterworth filter
    """

    names = ("voltage",)

    def __init__(
        self, *, low: float | None = None, high: float | None = None, mains: tuple[float, ...] = (), order: int = 4
    ):
        self.low, self.high, self.mains, self.order = low, high, tuple(mains), order

    def quantity(self, unit: str) -> str:
        """The unit of the feature, given that of the recording."""
        return unit

    def transform(self, values: np.ndarray, sampling_rate: float) -> np.ndarray:
        """(time, channel) float64 of one stretch -> (time, channel, 1)."""
        for frequency in self.mains:
            values = notch(values, sampling_rate, frequency)
        return band_pass(values, sampling_rate, self.low, self.high, order=self.order)[..., None]

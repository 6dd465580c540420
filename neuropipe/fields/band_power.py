"""Power in the bands of the field: delta, theta, alpha, beta, gamma."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.fields.filtering import band_pass, notch
from neuropipe.registry import signal_feature

SMALLEST = 1e-12  # of the largest power of a channel: what silence is taken for, whose logarithm is not finite


@signal_feature("band_power", tools=("scipy",), modalities=("field_potentials",))
class BandPower:
    """Power of every channel in frequency bands, in dB: the squared envelope, averaged over a period of the band.

    The envelope is the magnitude of the analytic signal (Hilbert transform) of the band-passed signal. Its square is
    averaged over one period of the band's lower edge, then 10 log10 is taken: power varies by factors.

    bands : (name, low, high) of each, Hz; mains : Hz, frequencies to remove first; order : of the Butterworth filter
    """

    def __init__(
        self,
        *,
        bands: tuple = (
            ("delta", 1.0, 4.0),
            ("theta", 4.0, 8.0),
            ("alpha", 8.0, 13.0),
            ("beta", 13.0, 30.0),
            ("gamma", 30.0, 45.0),
        ),
        mains: tuple[float, ...] = (),
        order: int = 4,
    ):
        self.bands = read_bands(bands)
        self.mains, self.order = tuple(mains), order
        self.names = tuple(self.bands)

    def quantity(self, unit: str) -> str:
        """The unit of the feature, given that of the recording."""
        return f"dB ({unit}²)"

    def transform(self, values: np.ndarray, sampling_rate: float) -> np.ndarray:
        """(time, channel) float64 of one stretch -> (time, channel, band), dB."""
        from scipy.ndimage import uniform_filter1d
        from scipy.signal import hilbert

        for frequency in self.mains:
            values = notch(values, sampling_rate, frequency)
        powers = []
        for low, high in self.bands.values():
            envelope = np.abs(hilbert(band_pass(values, sampling_rate, low, high, order=self.order), axis=0)) ** 2
            period = max(1, min(len(values), round(sampling_rate / low)))
            power = uniform_filter1d(envelope, period, axis=0, mode="nearest")
            largest = power.max(axis=0)
            powers.append(10 * np.log10(np.maximum(power, SMALLEST * np.where(largest > 0, largest, 1.0))))
        return np.stack(powers, axis=-1)


def read_bands(bands: Any) -> Mapping[str, tuple[float, float]]:
    """Name -> (low, high) Hz; raises BadInput for what is no list of (name, low, high), and for two of one name."""
    try:
        read = [(str(name), float(low), float(high)) for name, low, high in bands]
    except (TypeError, ValueError):
        raise BadInput(f"bands must be a list of [name, low, high] with edges in Hz; found {bands!r}") from None
    named = {name: (low, high) for name, low, high in read}
    if not read or len(named) < len(read):
        raise BadInput(f"bands must be at least one, each with a name of its own; found {bands!r}")
    return named

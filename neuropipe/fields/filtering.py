"""Zero-phase filters: band-pass, high-pass, low-pass and notch.

Every filter runs forwards and backwards (no phase shift, twice the attenuation), over one stretch without interruption.
A sample therefore depends on samples after it, too, up to about one period of the lowest edge.
"""

import numpy as np

from neuropipe.errors import BadInput

NOTCH_QUALITY = 30.0  # centre frequency over the width at which half of the power is left


def check_band(low: float | None, high: float | None, sampling_rate: float) -> None:
    """Refuse (BadInput) edges (Hz) that are not 0 < low < high < half the sampling rate."""
    nyquist = sampling_rate / 2
    for name, edge in (("low", low), ("high", high)):
        if edge is not None and not 0 < edge < nyquist:
            raise BadInput(
                f"the {name} edge of a filter is {edge:g} Hz; at {sampling_rate:g} Hz it must lie between 0 and "
                f"{nyquist:g} Hz"
            )
    if low is not None and high is not None and low >= high:
        raise BadInput(f"a band must run upwards; found {low:g} to {high:g} Hz")


def band_pass(
    values: np.ndarray, sampling_rate: float, low: float | None, high: float | None, *, order: int = 4
) -> np.ndarray:
    """Keep low to high Hz by a Butterworth filter run both ways; None leaves that side open.

    values : (time, channel) float64; order : of the filter, which counts twice. Raises BadInput for edges beyond half
    the sampling rate, and where the stretch is too short for the filter.
    """
    from scipy import signal

    check_band(low, high, sampling_rate)
    edges = [edge for edge in (low, high) if edge is not None]
    if not edges:
        return values
    kind = "bandpass" if len(edges) == 2 else "highpass" if high is None else "lowpass"
    sections = signal.butter(order, edges if len(edges) == 2 else edges[0], kind, fs=sampling_rate, output="sos")
    return _both_ways(values, sections, sampling_rate)


def notch(values: np.ndarray, sampling_rate: float, frequency: float) -> np.ndarray:
    """Remove a frequency (Hz), such as 50 or 60 Hz of the mains: a second-order notch run both ways. values as above"""
    from scipy import signal

    check_band(frequency, None, sampling_rate)
    numerator, denominator = signal.iirnotch(frequency, NOTCH_QUALITY, fs=sampling_rate)
    return _both_ways(values, signal.tf2sos(numerator, denominator), sampling_rate)


def _both_ways(values: np.ndarray, sections: np.ndarray, sampling_rate: float) -> np.ndarray:
    from scipy import signal

    padding = 3 * (2 * len(sections) + 1)
    if len(values) <= padding:
        raise BadInput(
            f"a stretch of {len(values) / sampling_rate:g} s ({len(values)} samples) is too short for a filter; "
            "leave the filter out, or the stretch"
        )
    return signal.sosfiltfilt(sections, values, axis=0)

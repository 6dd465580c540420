"""Spectra: power, and coherence between channels, by Welch's method or with several tapers.

A recording is cut into windows that overlap by half, none across a pause. Each window is multiplied by one Hann taper
(Welch 1967, IEEE Trans Audio Electroacoust 15:70) or by several discrete prolate spheroidal sequences, which vary less
for the same resolution (Thomson 1982, Proc IEEE 70:1055), and the cross spectra are averaged.
"""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput

METHODS = ("welch", "multitaper")
LEAST_RATIO = 2.0  # of the power of a rhythm to the background
FEWEST_BESIDE = 4  # frequencies that tell the background


@dataclass(frozen=True)
class CrossSpectra:
    """Averaged cross spectra.

    frequencies : (frequency,) Hz; power : (frequency, channel), the unit of the signal squared per Hz, one-sided
    coherence : (frequency, pair), magnitude squared, 0 to 1; pairs : (pair, 2) channels; windows : number averaged
    independent : number of estimates that don't overlap, windows times tapers
    """

    frequencies: np.ndarray
    power: np.ndarray
    coherence: np.ndarray
    pairs: np.ndarray
    windows: int
    independent: float

    @property
    def chance(self) -> float:
        """Coherence that independent signals stay under in 95 % of frequencies: 1 - .05^(1 / (n - 1)).

        n : estimates averaged that don't overlap (Rosenberg et al. 1989, Prog Biophys Mol Biol 53:1); 1 where n is 1.
        """
        return 1.0 - 0.05 ** (1 / (self.independent - 1)) if self.independent > 1 else 1.0


def cross_spectra(
    values: np.ndarray,
    segments: np.ndarray,
    sampling_rate: float,
    *,
    seconds: float = 2.0,
    method: str = "welch",
    bandwidth: float = 2.0,
    pairs: np.ndarray | None = None,
) -> CrossSpectra:
    """Power of every channel and coherence of pairs of channels.

    values : (time, channel); segments : (segment, 2) samples of stretches without interruption; seconds : of a window,
    whose inverse is the distance of frequencies; bandwidth : Hz, half of the smoothing of `multitaper`; pairs :
    (pair, 2) channels, none where not given. Raises BadInput where no stretch holds a window.
    """
    length = round(seconds * sampling_rate)
    if length < 4:
        raise BadInput(f"a window of {seconds:g} s holds {length} samples at {sampling_rate:g} Hz; take a longer one")
    tapers = _tapers(method, length, sampling_rate, bandwidth)
    pairs = np.empty((0, 2), np.int64) if pairs is None else np.asarray(pairs, np.int64)
    starts = [
        start
        for first, stop in np.asarray(segments)
        for start in range(int(first), int(stop) - length + 1, max(1, length // 2))
    ]
    if not starts:
        longest = np.diff(segments, axis=1).max() / sampling_rate
        raise BadInput(f"no stretch of the recording ({longest:g} s at most) holds a window of {seconds:g} s")
    power = np.zeros((length // 2 + 1, values.shape[1]))
    cross = np.zeros((length // 2 + 1, len(pairs)), complex)
    for start in starts:
        window = np.asarray(values[start : start + length], np.float64)
        window = window - window.mean(axis=0)
        for taper in tapers:
            spectrum = np.fft.rfft(window * taper[:, None], axis=0)
            power += np.abs(spectrum) ** 2
            cross += spectrum[:, pairs[:, 0]] * np.conj(spectrum[:, pairs[:, 1]])
    both = power[:, pairs[:, 0]] * power[:, pairs[:, 1]]
    coherence = np.divide(np.abs(cross) ** 2, both, out=np.zeros(both.shape), where=both > 0)
    scale = np.full((len(power), 1), 2.0)  # one-sided: all but 0 Hz and half the sampling rate count twice
    scale[0] = 1.0
    if length % 2 == 0:
        scale[-1] = 1.0
    samples = sum(max(0, int(stop) - int(first)) // length for first, stop in np.asarray(segments))
    return CrossSpectra(
        frequencies=np.fft.rfftfreq(length, 1 / sampling_rate),
        power=power * scale / (sampling_rate * len(starts) * len(tapers)),
        coherence=coherence,
        pairs=pairs,
        windows=len(starts),
        independent=float(samples * len(tapers)),
    )


def _tapers(method: str, length: int, sampling_rate: float, bandwidth: float) -> np.ndarray:
    """(taper, time) tapers of unit energy."""
    from scipy.signal import windows

    if method == "welch":
        tapers = windows.hann(length, sym=False)[None]
    elif method == "multitaper":
        product = bandwidth * length / sampling_rate
        if product < 1:
            raise BadInput(
                f"a bandwidth of {bandwidth:g} Hz is narrower than windows of {length / sampling_rate:g} s resolve; "
                f"take {sampling_rate / length:g} Hz or more"
            )
        tapers = windows.dpss(length, product, max(1, int(2 * product) - 1))
    else:
        raise BadInput(f"no spectrum is called {method!r}; take {' or '.join(METHODS)}")
    return tapers / np.linalg.norm(tapers, axis=1, keepdims=True)


def peak_in_band(frequencies: np.ndarray, power: np.ndarray, low: float, high: float) -> float:
    """Frequency (Hz) of the rhythm in a band, low <= f < high; NaN where there is none.

    frequencies, power : (frequency,). A rhythm is the largest local maximum of power x frequency in the band with at
    least twice the power of the background: a power law fitted to the spectrum on both sides of the band, from half its
    lower edge to twice its upper one. Power falls with frequency about as 1/f, which is no rhythm.
    """
    inner = np.arange(1, len(power) - 1)
    inner = inner[(frequencies[inner] >= low) & (frequencies[inner] < high)]
    flat = power * frequencies
    peaks = inner[(flat[inner] > flat[inner - 1]) & (flat[inner] >= flat[inner + 1])]
    near = (frequencies >= low / 2) & (frequencies <= 2 * high) & (frequencies > 0) & (power > 0)
    beside = near & ~((frequencies >= low) & (frequencies < high))
    if not len(peaks) or beside.sum() < FEWEST_BESIDE:
        return float("nan")
    slope, offset = np.polyfit(np.log(frequencies[beside]), np.log(power[beside]), 1)
    background = np.exp(offset + slope * np.log(frequencies[peaks]))
    peaks = peaks[power[peaks] >= LEAST_RATIO * background]
    return float(frequencies[peaks[np.argmax(flat[peaks])]]) if len(peaks) else float("nan")


def power_in_band(frequencies: np.ndarray, power: np.ndarray, low: float, high: float) -> float:
    """Power (the unit of the signal squared) from low to high Hz: the sum over frequencies times their distance."""
    inside = (frequencies >= low) & (frequencies < high)
    return float(power[inside].sum() * (frequencies[1] - frequencies[0]))

"""Event-related potentials: epochs cut around events, their baseline removed, averaged over trials."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class Epochs:
    """values : (trial, sample, channel); times : (sample,) s relative to the event; kept : (trial,) which events."""

    values: np.ndarray
    times: np.ndarray
    kept: np.ndarray


def cut_epochs(
    values: np.ndarray,
    segments: np.ndarray,
    starts: np.ndarray,
    sampling_rate: float,
    events: np.ndarray,
    window: tuple[float, float],
    *,
    baseline: tuple[float, float] | None = None,
) -> Epochs:
    """Samples around events, relative to their mean in the baseline.

    values : (time, channel); segments, starts : as in Signals; events : (event,) s, NaN where there was none; window,
    baseline : (start, stop) s around the event, baseline None to subtract nothing. An epoch begins with the sample
    nearest to event + start. Events whose epoch is not covered by one segment are left out. Raises BadInput where the
    baseline lies outside the window.
    """
    offsets = np.arange(round(window[0] * sampling_rate), round(window[1] * sampling_rate))
    if not len(offsets):
        raise BadInput(f"the window {window[0]:g} to {window[1]:g} s holds no sample at {sampling_rate:g} Hz")
    times = offsets / sampling_rate
    before = None
    if baseline is not None:
        before = (times >= baseline[0] - 1e-9) & (times < baseline[1] - 1e-9)
        if baseline[0] < window[0] - 0.5 / sampling_rate or not before.any() or baseline[1] > window[1]:
            raise BadInput(
                f"the baseline {baseline[0]:g} to {baseline[1]:g} s must lie in the window {window[0]:g} to "
                f"{window[1]:g} s and hold a sample"
            )
    known = np.flatnonzero(np.isfinite(events))
    owner = np.clip(np.searchsorted(starts - 0.5 / sampling_rate, events[known], side="right") - 1, 0, None)
    centre = segments[owner, 0] + np.rint((events[known] - starts[owner]) * sampling_rate).astype(np.int64)
    inside = (centre + offsets[0] >= segments[owner, 0]) & (centre + offsets[-1] < segments[owner, 1])
    epochs = np.asarray(values, np.float64)[centre[inside, None] + offsets]
    if before is not None:
        epochs = epochs - epochs[:, before].mean(axis=1, keepdims=True)
    return Epochs(epochs, times, known[inside])


def average(epochs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over trials, both (sample, channel); the error of one trial is 0."""
    n = len(epochs)
    error = epochs.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(epochs.shape[1:])
    return epochs.mean(axis=0), error

"""Response of a calcium indicator to spikes: a fast rise and a slow decay, linear in spikes."""

import numpy as np

from neuropipe.recording import SpikeTrains


def indicator(spikes: SpikeTrains, frame_times: np.ndarray, rise_time: float, decay_time: float) -> np.ndarray:
    """Sum over the spikes of each unit of (1 - exp(-t / rise_time)) exp(-t / decay_time), scaled to a peak of 1.

    frame_times : (time,) s, evenly spaced; rise_time, decay_time : s; returns (time, unit) float32
    Sampled at even intervals this is an autoregressive process of order 2, the model of deconvolution (Pnevmatikakis et
    al. 2016, Neuron 89:285). Responses to spikes add up: no saturation, no supralinearity.
    """
    from scipy.signal import lfilter

    interval = frame_times[1] - frame_times[0]
    times = np.array([decay_time, 1 / (1 / decay_time + 1 / rise_time)])
    signs = np.array([1.0, -1.0]) / peak(rise_time, decay_time)
    n_frames, n_units = len(frame_times), spikes.n_units
    unit = np.repeat(np.arange(n_units), np.diff(spikes.offsets))
    frame = np.searchsorted(frame_times, spikes.times)  # the first one that can see the spike
    seen = frame < n_frames
    unit, frame, since = unit[seen], frame[seen], frame_times[frame[seen]] - spikes.times[seen]
    trace = np.zeros((n_frames, n_units))
    for time, sign in zip(times, signs, strict=True):
        arriving = np.zeros((n_frames, n_units))
        np.add.at(arriving, (frame, unit), np.exp(-since / time))
        trace += sign * lfilter([1.0], [1.0, -np.exp(-interval / time)], arriving, axis=0)
    return trace.astype(np.float32)


def peak(rise_time: float, decay_time: float) -> float:
    """The greatest value of (1 - exp(-t / rise_time)) exp(-t / decay_time)."""
    at = rise_time * np.log1p(decay_time / rise_time)
    return float(-np.expm1(-at / rise_time) * np.exp(-at / decay_time))

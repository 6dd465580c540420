"""Continuous signals, regularly sampled: field potentials of channels (LFP, EEG, iEEG), BOLD of voxels."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from neuropipe.errors import BadInput


@dataclass(frozen=True)
class Signals:
    """Signals of all channels, in stretches without interruption (runs of a scanner, parts between pauses).

    values : (time, channel) float32, finite, in `unit` (`uV`, ...; `a.u.` where it is not known)
    sampling_rate : Hz
    segments : (segment, 2) int64, the first sample of each stretch and the one after its last
    starts : (segment,) float64, s, the time of the first sample of each stretch, on the recording's own clock
    """

    values: np.ndarray
    sampling_rate: float
    unit: str
    segments: np.ndarray
    starts: np.ndarray

    @classmethod
    def whole(cls, values: np.ndarray, sampling_rate: float, unit: str, *, start: float = 0.0) -> Self:
        """Signals without interruption from `start` (s) on; values of any type become float32."""
        segments = np.array([[0, len(values)]], np.int64)
        single = np.ascontiguousarray(values, np.float32)
        return cls(single, float(sampling_rate), unit, segments, np.array([start], np.float64))

    @property
    def n_units(self) -> int:
        """Number of channels or voxels."""
        return self.values.shape[-1]

    @property
    def times(self) -> np.ndarray:
        """(time,) s"""
        return sample_times(self.segments, self.starts, self.sampling_rate)

    def check(self) -> None:
        """Refuse (BadInput) wrong types, values that are not finite, no sampling rate, segments that overlap."""
        values, segments, starts, rate = self.values, self.segments, self.starts, self.sampling_rate
        if values.ndim != 2 or values.dtype != np.float32 or 0 in values.shape:
            raise BadInput(f"signals must be float32 (time, channel), not empty; found {values.dtype} {values.shape}")
        check_sampling_rate(rate)
        if (
            segments.ndim != 2
            or segments.shape[1] != 2
            or segments.dtype.kind != "i"
            or starts.shape != segments[:, 0].shape
        ):
            raise BadInput(
                f"segments must be integers (segment, 2) with a start each; found {segments.shape}, {starts.shape}"
            )
        ends = np.concatenate([[0], segments[:, 1]])
        if not np.array_equal(segments[:, 0], ends[:-1]) or ends[-1] != len(values) or np.any(np.diff(ends) <= 0):
            raise BadInput(f"segments must cut {len(values)} samples into stretches that follow each other")
        stops = starts + np.diff(segments, axis=1)[:, 0] / rate
        if not np.isfinite(starts).all() or np.any(starts[1:] < stops[:-1] - 1 / rate):
            raise BadInput("segments overlap in time, or have no time; give each a start (s) after the one before it")
        if not np.isfinite(values).all():
            sample, channel = (int(at) for at in np.argwhere(~np.isfinite(values))[0])
            bad = int((~np.isfinite(values[:, channel])).sum())
            raise BadInput(
                f"channel {channel} holds {values[sample, channel]} at sample {sample} ({bad} such of {len(values)}); "
                "leave the channel out or repair it"
            )


def check_sampling_rate(sampling_rate: float | None, where: str = "the parameters") -> float:
    """The sampling rate, Hz; raises BadInput where it is missing, not finite or not above 0. where : that it is from"""
    if sampling_rate is None:
        raise BadInput(f"the sampling rate is not known: give `sampling_rate` in Hz in {where}")
    if not (np.isfinite(sampling_rate) and sampling_rate > 0):
        raise BadInput(f"the sampling rate in {where} is {sampling_rate}; it must be a number of Hz above 0")
    return float(sampling_rate)


def sample_times(segments: np.ndarray, starts: np.ndarray, sampling_rate: float) -> np.ndarray:
    """(time,) s, the time of every sample; arguments as in Signals."""
    parts = [
        start + np.arange(stop - first) / sampling_rate for (first, stop), start in zip(segments, starts, strict=True)
    ]
    return np.concatenate(parts)

"""Fluorescence traces of ROIs, as dF/F."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording.frame_times import Framed, check_frame_times


@dataclass(frozen=True)
class Fluorescence(Framed):
    """Fluorescence of all ROIs, relative to the baseline of each.

    dff : (time, roi) float32, dF/F; NaN where an ROI was not recorded
    frame_times : (time,) float64, s, ascending, on the recording's own clock
    """

    dff: np.ndarray
    frame_times: np.ndarray

    @property
    def n_units(self) -> int:
        """Number of ROIs."""
        return self.dff.shape[-1]

    def check(self) -> None:
        """Refuse (BadInput) wrong types or shapes, infinite values, and ROIs without any value."""
        dff, times = self.dff, self.frame_times
        if dff.ndim != 2 or dff.dtype != np.float32 or dff.shape[1] == 0 or times.shape != dff.shape[:1]:
            raise BadInput(
                "dF/F must be float32 (time, roi) with a time for every frame and at least one ROI; found "
                f"{dff.dtype} {dff.shape} and {times.shape} frame times"
            )
        check_frame_times(times)
        if np.any(np.isinf(dff)):
            frame, roi = (int(index) for index in np.argwhere(np.isinf(dff))[0])
            raise BadInput(f"dF/F of ROI {roi} is infinite at frame {frame}: was it divided by a baseline of 0?")
        empty = np.flatnonzero(np.isnan(dff).all(axis=0))
        if len(empty):
            raise BadInput(f"ROI {empty[0]} holds no dF/F but NaN ({len(empty)} such of {dff.shape[1]}); leave it out")

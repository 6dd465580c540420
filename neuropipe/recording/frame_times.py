"""When frames were taken: frame rate and skipped frames from the times of the frames, and the checks of these times."""

import numpy as np

from neuropipe.errors import BadInput


class Framed:
    """Base class of data that is taken frame by frame, at `frame_times`, (time,) s."""

    frame_times: np.ndarray

    @property
    def frame_rate(self) -> float:
        """Rate of the median interval between frames, Hz."""
        return 1 / float(np.median(np.diff(self.frame_times)))

    @property
    def n_skipped(self) -> int:
        """Number of frames that are missing between the first and the last, at this rate."""
        return int(np.round(np.diff(self.frame_times) * self.frame_rate - 1).clip(0).sum())


def check_frame_times(times: np.ndarray) -> None:
    """Refuse (BadInput) fewer than two frames, and times that are not finite or don't ascend."""
    if len(times) < 2:
        raise BadInput(f"the recording has {len(times)} frame; it takes two or more to be a recording in time")
    if not np.all(np.isfinite(times)):
        frame = int(np.argmin(np.isfinite(times)))
        raise BadInput(f"the time of frame {frame} is {times[frame]}; give every frame a time, in s")
    if np.any(np.diff(times) <= 0):
        frame = int(np.argmax(np.diff(times) <= 0)) + 1
        raise BadInput(
            f"frame times run backwards: frame {frame} is at {times[frame]:.9g} s, the one before it at "
            f"{times[frame - 1]:.9g} s; put the frames in the order in which they were taken, each once"
        )

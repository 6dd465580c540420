"""OASIS: fast online deconvolution of calcium imaging.

Friedrich, Zhou and Paninski 2017, doi:10.1371/journal.pcbi.1005423.
The core is the authors' library for AR(1) and, equal to theirs but faster, oasis_kernel.py for AR(2); what it needs to
know is found here, from each trace alone, in the same way from 10 to 160 Hz: traces are averaged to a working rate of
about 30 Hz, freed of a running baseline, and deconvolved with the decay and rise of their autocovariance. Sparsity
comes from the noise: events whose peak would not stand out of it are not made (the library's s_min).
"""

import numpy as np

from neuropipe.calcium.preprocessing import average_frames, noise_level, rebin, running_baseline
from neuropipe.calcium.time_constants import time_constants
from neuropipe.errors import BadInput
from neuropipe.registry import deconvolver


@deconvolver(
    "oasis",
    units="dF/F: peak of the transient that the event makes; expected spikes with unit_amplitude given",
    tools=("oasis-deconv",),
)
class Oasis:
    """AR(1) or AR(2) deconvolution with everything automatic."""

    def __init__(
        self,
        *,
        order: int = 2,
        decay: float | None = None,
        rise: float | None = None,
        smallest_event: float = 2.0,
        unit_amplitude: float = 1.0,
        baseline_window: float = 60.0,
        baseline_quantile: float = 0.1,
        working_rate: float = 30.0,
    ):
        """order : 1 (jump and decay) or 2 (rise and decay); decay, rise : s, estimated from each trace when None;
        smallest_event : peak of the smallest event, in SDs of the noise at the working rate; unit_amplitude : dF/F, the
        peak of the transient of one spike: a trace doesn't tell it (docs/choices/deconvolution.md), so with 1 events
        are dF/F; baseline_window : s; working_rate : Hz, to which faster traces are averaged."""
        if order not in (1, 2):
            raise BadInput(f"oasis has order 1 (jump and decay) or 2 (rise and decay), found {order}")
        for name, value in {"decay": decay, "rise": rise, "unit_amplitude": unit_amplitude}.items():
            if value is not None and not value > 0:
                raise BadInput(f"oasis: {name} must be positive, found {value}")
        if decay is not None and rise is not None and rise >= decay:
            raise BadInput(f"oasis: the rise ({rise} s) must be shorter than the decay ({decay} s)")
        self.order, self.decay, self.rise = order, decay, rise
        self.smallest_event, self.unit_amplitude = smallest_event, unit_amplitude
        self.baseline_window, self.baseline_quantile = baseline_window, baseline_quantile
        self.working_rate = working_rate

    def deconvolve(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """Events (time, roi) >= 0 of dff (time, roi) without NaN; a constant trace has none."""
        n = min(max(1, round(frame_rate / self.working_rate)), max(1, len(dff) // 3))
        slow, rate = average_frames(dff.astype(np.float64), n), frame_rate / n
        slow = slow - running_baseline(slow, rate, self.baseline_window, self.baseline_quantile)
        decay, rise = self._time_constants(slow, rate)
        noise = noise_level(slow)
        events = np.zeros_like(slow)
        late = np.zeros(slow.shape[1])  # s by which an event of the model stands behind its spike
        for roi in np.flatnonzero(np.ptp(dff, axis=0) > 0):
            core = _ar2 if self.order == 2 else _ar1
            events[:, roi], late[roi] = core(
                slow[:, roi], decay[roi], rise[roi], rate, self.smallest_event * noise[roi]
            )
        return put_back(events, n, late * frame_rate, len(dff)) / self.unit_amplitude

    def _time_constants(self, dff: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
        decay, rise = time_constants(dff, rate)
        decay = decay if self.decay is None else np.full_like(decay, self.decay)
        rise = rise if self.rise is None else np.full_like(rise, self.rise)
        return decay, np.minimum(rise, decay / 2) if self.rise is None else rise


def _ar2(trace: np.ndarray, decay: float, rise: float, rate: float, smallest: float) -> tuple[np.ndarray, float]:
    """Peaks of events (time,), and how late they stand, s.

    An event of the AR(2) model has already risen for one frame when it begins (its response is d^(m+1) - r^(m+1) after
    m frames), so the spike came a frame before.
    """
    from neuropipe.calcium.oasis_kernel import oasis_ar2

    slow, fast = np.exp(-1 / (decay * rate)), np.exp(-1 / (rise * rate))
    after = np.log(np.log(fast) / np.log(slow)) / (np.log(slow) - np.log(fast))  # frames to the peak, real-valued
    frames = np.maximum(np.array([np.floor(after), np.ceil(after)]), 1)
    peak = ((slow**frames - fast**frames) / (slow - fast)).max()
    return np.maximum(oasis_ar2(trace, slow, fast, smallest / peak), 0) * peak, 1 / rate


def _ar1(trace: np.ndarray, decay: float, rise: float, rate: float, smallest: float) -> tuple[np.ndarray, float]:
    """Peaks of events (time,), and how late they stand, s.

    A frame averages over its exposure, so a jump shows half a frame late on average. What rises with constant `rise`
    is, to a model that only jumps, smeared by an exponential of that constant; half of it is how late the events stood
    on recordings with true spikes (docs/choices/deconvolution.md).
    """
    from oasis import oasisAR1

    _, events = oasisAR1(trace, np.exp(-1 / (decay * rate)), s_min=smallest)
    return np.maximum(events, 0), 0.5 / rate + 0.5 * rise


def put_back(events: np.ndarray, n: int, late: np.ndarray, n_frames: int) -> np.ndarray:
    """Events (coarse time, roi) of n frames each, spread over the frames they came from and moved `late` frames ahead.

    late : (roi,); returns (n_frames, roi). What would lie before the first frame is put into it: nothing is lost.
    """
    edges = np.arange(n_frames + 1) + late[:, None]
    edges[:, 0] = 0
    return np.hstack([rebin(events[:, [roi]], edges[roi] / n) for roi in range(events.shape[1])])

"""suite2p's own deconvolution: its baseline, then OASIS with a decay that the indicator tells and no sparsity.

Pachitariu et al. 2018, doi:10.1523/JNEUROSCI.3339-17.2018, find that penalties on events don't help.
"""

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.registry import deconvolver

# s, by suite2p's documentation of `tau`
DECAYS = {"GCaMP6f": 0.7, "GCaMP6m": 1.0, "GCaMP6s": 1.25}


@deconvolver("suite2p", units="dF/F: jump of the trace at the event", tools=("suite2p", "torch"))
class Suite2p:
    """AR(1) deconvolution as suite2p does it: one decay for all ROIs, every rise an event."""

    def __init__(
        self,
        *,
        indicator: str = "GCaMP6m",
        decay: float | None = None,
        baseline_window: float = 60.0,
        baseline_smoothing: float = 10.0,
    ):
        """indicator : one of DECAYS, whose decay is taken where none is given; decay : s; baseline_window : s, of the
        running maximum of the running minimum; baseline_smoothing : SD, in frames, of the Gaussian before it."""
        if decay is None and indicator not in DECAYS:
            raise BadInput(f"suite2p: indicator {indicator!r} is none of {', '.join(DECAYS)}; give its decay, in s")
        self.decay = DECAYS[indicator] if decay is None else decay
        for name, value in {
            "decay": self.decay,
            "baseline_window": baseline_window,
            "baseline_smoothing": baseline_smoothing,
        }.items():
            if not value > 0:
                raise BadInput(f"suite2p: {name} must be positive, found {value}")
        self.indicator = indicator
        self.baseline_window, self.baseline_smoothing = baseline_window, baseline_smoothing

    def deconvolve(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """Events (time, roi) >= 0 of dff (time, roi) without NaN; a constant trace has none."""
        import torch

        from neuropipe.calcium.suite2p_library import load_suite2p

        extraction = load_suite2p().extraction
        n_rois = dff.shape[1]
        traces = extraction.preprocess(
            np.ascontiguousarray((dff - dff[:1]).T, np.float32),
            baseline="maximin",
            win_baseline=self.baseline_window,
            sig_baseline=self.baseline_smoothing,
            fs=frame_rate,
            batch_size=n_rois,
            device=torch.device("cpu"),
        )
        events = np.maximum(extraction.oasis(traces, batch_size=n_rois, tau=self.decay, fs=frame_rate), 0).T
        events[:, np.ptp(dff, axis=0) == 0] = 0
        return events

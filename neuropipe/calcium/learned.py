"""Deconvolution by small convolutional networks that were trained on recordings with true spikes.

The idea is that of Rupprecht et al. 2021 (doi:10.1038/s41593-021-00895-5): networks that see a few seconds around each
moment, trained on many data sets resampled to one frame rate, with noise added until it is that of the recordings to
deconvolve. Here a trace is seen in units of its own noise, so neither indicator nor brightness need be known.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from neuropipe.calcium.preprocessing import noise_level, rebin, running_baseline
from neuropipe.errors import BadInput
from neuropipe.registry import deconvolver

DILATIONS = (1, 2, 4, 8)
WIDTH = 5  # samples a convolution sees: 61 in all
BASELINE_WINDOW, BASELINE_QUANTILE = 60.0, 0.1  # s
AT_ONCE = 4  # ROIs: what a network makes of half an hour at 25 Hz is 17 MB a layer and ROI


class Network(nn.Module):
    """(roi, time) of dF/F in units of noise, compressed by asinh -> (roi, time) expected spikes a sample."""

    def __init__(self, channels: int):
        super().__init__()
        layers, n_inputs = [], 1
        for dilation in DILATIONS:
            layers += [nn.Conv1d(n_inputs, channels, WIDTH, dilation=dilation, padding="same"), nn.ReLU()]
            n_inputs = channels
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels, 1, 1))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return nn.functional.softplus(self.layers(seen[:, None]))[:, 0]


@deconvolver("learned", units="expected spikes a frame", tools=("torch",), needs_training=True)
class Learned:
    """Networks trained by `learned_training.train`, averaged; their disagreement is the uncertainty."""

    def __init__(self, *, folder: str = ""):
        """folder : where `train` wrote the networks; rate : Hz, at which they work."""
        files = sorted(Path(folder).glob("network-*.safetensors")) if folder else []
        if not files:
            raise BadInput(f"no trained networks in {folder!r}; give folder= what learned_training.train wrote")
        self.networks = []
        for file in files:
            try:
                with safe_open(file, "pt") as opened:
                    facts = json.loads(opened.metadata()["facts"])
                    weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            except (SafetensorError, KeyError, TypeError) as error:
                raise BadInput(f"{file} is no network of learned_training.train; train it again") from error
            network = Network(facts["channels"])
            network.load_state_dict(weights)
            self.networks.append(network.eval())
            self.rate = float(facts["rate"])

    def deconvolve(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """Expected spikes a frame, (time, roi), of dff (time, roi) without NaN; a constant trace has none."""
        return self.deconvolve_each(dff, frame_rate).mean(0)

    def uncertainty(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """SD over the networks of the expected spikes a frame, (time, roi)."""
        return self.deconvolve_each(dff, frame_rate).std(0)

    def deconvolve_each(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """(network, time, roi) expected spikes a frame."""
        if frame_rate < 0.99 * self.rate:
            raise BadInput(
                f"these networks work at {self.rate:g} Hz, the traces have {frame_rate:g} Hz; "
                f"train with rate={frame_rate:g}"
            )
        traces, noise = at_rate(dff, frame_rate, self.rate)
        seen = torch.from_numpy(np.ascontiguousarray(see(traces, noise).T))
        events = np.empty((len(self.networks), len(dff), dff.shape[1]), np.float32)
        back = np.arange(len(dff) + 1) * self.rate / frame_rate
        with torch.inference_mode():
            for network, into in zip(self.networks, events, strict=True):
                for start in range(0, len(seen), AT_ONCE):
                    found = network(seen[start : start + AT_ONCE]).numpy()
                    into[:, start : start + AT_ONCE] = rebin(found.T.astype(np.float64), back)
        events[:, :, np.ptp(dff, axis=0) == 0] = 0
        return events


def at_rate(dff: np.ndarray, frame_rate: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """dff (time, roi) averaged to `rate` Hz, without its baseline, and its noise (roi,), never 0."""
    n = max(1, int(len(dff) * rate / frame_rate + 1e-6))
    step = frame_rate / rate
    slow = rebin(dff, np.arange(n + 1) * step) / step
    slow -= running_baseline(slow, rate, BASELINE_WINDOW, BASELINE_QUANTILE)
    noise = noise_level(slow[::2]) if n > 2 else np.zeros(dff.shape[1])  # neighbours can share a frame
    return slow, np.maximum(noise, np.maximum(1e-3 * slow.std(0), 1e-9))


def see(traces: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """What a network sees: the trace in units of its noise, large transients compressed."""
    return np.arcsinh(traces / noise).astype(np.float32)

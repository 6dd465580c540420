"""The network of `learned`, and what it sees of a trace; apart from `learned`, which can change without training."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from neuropipe.calcium.preprocessing import noise_level, rebin, running_baseline
from neuropipe.errors import BadInput

DILATIONS = (1, 2, 4, 8)
WIDTH = 5  # samples a convolution sees: 61 in all
BASELINE_WINDOW, BASELINE_QUANTILE = 60.0, 0.1  # s
SMOOTHING = 0.08  # s, SD: spikes and what is expected are compared once both are smoothed


class Network(nn.Module):
    """(roi, time) of dF/F in units of noise, compressed by asinh -> (roi, time) expected spikes per sample."""

    scale: torch.Tensor  # set after training, so that as many spikes are found as there were

    def __init__(self, channels: int):
        super().__init__()
        layers, n_inputs = [], 1
        for dilation in DILATIONS:
            layers += [nn.Conv1d(n_inputs, channels, WIDTH, dilation=dilation, padding="same"), nn.ReLU()]
            n_inputs = channels
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels, 1, 1))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.scale * nn.functional.softplus(self.layers(seen[:, None]))[:, 0]


def at_rate(dff: np.ndarray, frame_rate: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """dff (time, roi) averaged to `rate` Hz, without its baseline, and its noise (roi,), never 0."""
    n = max(1, int(len(dff) * rate / frame_rate + 1e-6))
    step = frame_rate / rate
    slow = rebin(dff, np.arange(n + 1) * step) / step
    slow -= running_baseline(slow, rate, BASELINE_WINDOW, BASELINE_QUANTILE)
    noise = noise_level(slow[::2]) if n > 2 else np.zeros(dff.shape[1])  # neighbours can share a frame
    return slow, np.maximum(noise, np.maximum(1e-3 * slow.std(0), 1e-9))


def see(traces: np.ndarray, noise: np.ndarray | np.float64) -> np.ndarray:
    """(roi, time), what a network sees: traces (time, roi) in units of their noise, large transients compressed."""
    return np.ascontiguousarray(np.arcsinh(traces / noise).T, np.float32)


def read_network(file: Path) -> tuple[Network, dict[str, Any]]:
    """A trained network, and what `learned_training.train` notes of it: rate, data sets, sessions, losses, ..."""
    try:
        with safe_open(file, "pt") as opened:
            facts = json.loads(opened.metadata()["facts"])
            weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        network = Network(facts["channels"])
        network.load_state_dict(weights)
    except (SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise BadInput(f"{file} is no network of learned_training.train; train it again") from error
    return network.eval(), facts

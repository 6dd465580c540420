"""Training of the networks of `learned` on recordings with true spikes.

The loss is the squared error between expected and true spikes, both smoothed by a Gaussian of 80 ms: electrodes and
microscopes are synchronised no better, and a spike in the next sample is no mistake. Each cell's error counts in units
of the SD of its true rate, so that lively cells don't drown the others, and data sets count by the root of their
length.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from neuropipe.calcium.learned import Network, at_rate, see
from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.errors import BadInput

SMOOTHING = 0.08  # s
CROP = 512  # samples of a recording that a step sees
EDGE = 32  # samples at both ends of a crop that the loss leaves out: there the network sees less
JITTER = 0.3  # SD of the logarithm of the noise around the target's
BALANCE = 0.5  # 0: a second of any data set counts the same, 1: data sets do
EXPECTED_AT_FIRST = -2.5  # bias of the output: .08 spikes a sample


@dataclass(frozen=True)
class GroundTruth:
    """dff : (time, roi); frame_times : (time,) s; spike_times : s, those of ROI r from spike_offsets[r] to
    spike_offsets[r + 1]; dataset : recordings of one name are weighed together."""

    dff: np.ndarray
    frame_times: np.ndarray
    spike_times: np.ndarray
    spike_offsets: np.ndarray
    dataset: str = ""


@dataclass(frozen=True)
class _Cell:
    trace: np.ndarray  # (time,) dF/F without its baseline
    noise: float
    spikes: np.ndarray  # (time,) true counts
    spread: float  # SD of the smoothed counts
    dataset: str


def train(
    recordings: Sequence[GroundTruth],
    folder: Path,
    *,
    rate: float = 25.0,
    target_noise: np.ndarray | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    channels: int = 16,
    n_steps: int = 1000,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    weight_decay: float = 1e-3,
) -> Path:
    """Write one network a seed into folder, as network-<seed>.safetensors, and return folder.

    rate : Hz, not above the frame rate of any recording here or to be deconvolved; target_noise : (n,) noise levels at
    that rate (`noise_levels`) of the recordings to be deconvolved, up to which training traces are made noisier.
    """
    cells = [cell for recording in recordings for cell in _cells(recording, rate)]
    if not cells:
        raise BadInput(f"no cell to train on has {CROP / rate:.3g} s of recording and a true spike")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"rate": rate, "channels": channels, "n_steps": n_steps, "datasets": sorted({c.dataset for c in cells})}
    for seed in seeds:
        network = _train_one(
            cells, target_noise, seed, rate, channels, n_steps, batch_size, learning_rate, weight_decay
        )
        weights = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
        save_file(weights, folder / f"network-{seed}.safetensors", {"facts": json.dumps(facts | {"seed": seed})})
    return folder


def noise_levels(dff: np.ndarray, frame_rate: float, rate: float) -> np.ndarray:
    """(roi,) SD of the noise of dff (time, roi) averaged to `rate` Hz."""
    return at_rate(dff, frame_rate, rate)[1]


def _cells(recording: GroundTruth, rate: float) -> list[_Cell]:
    from scipy.ndimage import gaussian_filter1d

    frame_rate = frame_rate_of(recording.frame_times)
    if frame_rate < 0.99 * rate:
        raise BadInput(
            f"a recording of {recording.dataset!r} has {frame_rate:g} Hz, less than the {rate:g} Hz to train at"
        )
    traces, noise = at_rate(np.asarray(recording.dff, np.float64), frame_rate, rate)
    edges = recording.frame_times[0] - 0.5 / frame_rate + np.arange(len(traces) + 1) / rate
    found = []
    for roi in range(traces.shape[1]):
        first, last = recording.spike_offsets[roi], recording.spike_offsets[roi + 1]
        spikes = np.histogram(recording.spike_times[first:last], edges)[0].astype(np.float32)
        if len(traces) > CROP and spikes.any():
            spread = float(gaussian_filter1d(spikes, SMOOTHING * rate).std())
            found.append(_Cell(traces[:, roi], float(noise[roi]), spikes, spread, recording.dataset))
    return found


def _train_one(cells, target_noise, seed, rate, channels, n_steps, batch_size, learning_rate, weight_decay) -> Network:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(channels)
    torch.nn.init.constant_(network.layers[-1].bias, EXPECTED_AT_FIRST)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=n_steps)
    smooth = _smoother(SMOOTHING * rate)
    lengths = np.array([len(cell.trace) for cell in cells], float)
    _, dataset = np.unique([cell.dataset for cell in cells], return_inverse=True)
    chances = lengths / np.bincount(dataset, lengths)[dataset] ** BALANCE
    for _ in range(n_steps):
        chosen = [cells[i] for i in rng.choice(len(cells), batch_size, p=chances / chances.sum())]
        crops = [_crop(cell, target_noise, rng) for cell in chosen]
        seen, spikes = (torch.from_numpy(np.stack(parts)) for parts in zip(*crops, strict=True))
        scale = torch.tensor([cell.spread for cell in chosen])
        error = (smooth(network(seen)) - smooth(spikes))[:, EDGE:-EDGE]
        loss = ((error**2).mean(1) / scale).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def _crop(cell: _Cell, target_noise: np.ndarray | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(time,) as the network sees it, made as noisy as a recording to be deconvolved, and (time,) true counts."""
    start = int(rng.integers(len(cell.trace) - CROP))
    trace, noise = cell.trace[start : start + CROP], cell.noise
    if target_noise is not None:
        wanted = float(rng.choice(target_noise) * np.exp(JITTER * rng.standard_normal()))
        if wanted > noise:
            trace = trace + np.sqrt(wanted**2 - noise**2) * rng.standard_normal(CROP)
            noise = wanted
    return see(trace, np.float64(noise)), cell.spikes[start : start + CROP]


def _smoother(sd: float):
    """A Gaussian of `sd` samples along the last axis of (roi, time)."""
    reach = int(4 * sd + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sd) ** 2)
    kernel = (kernel / kernel.sum())[None, None]
    return lambda values: torch.nn.functional.conv1d(values[:, None], kernel, padding=reach)[:, 0]

"""Training of the networks of `learned` on recordings with true spikes.

The loss is the squared error between expected and true spikes, both smoothed by a Gaussian of 80 ms: electrodes and
microscopes are synchronised no better, and a spike in the next sample is no mistake. Each cell's error counts in units
of the SD of its true rate, so that lively cells don't drown the others. How large a spike is in a cell can't be known,
so a part of the loss is 1 - correlation, which doesn't ask. Data sets count by the root of their length
and, where it is known what is to be deconvolved, by how much their traces are like those (learned_likeness.py).
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from neuropipe.calcium.learned_likeness import likeness, traits
from neuropipe.calcium.learned_network import SMOOTHING, Network, at_rate, see
from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.decoders.networks.devices import one_thread
from neuropipe.errors import BadInput

CROP = 512  # samples of a recording that a step sees
EDGE = 32  # samples at both ends of a crop that the loss leaves out: there the network sees less
JITTER = 0.3  # SD of the logarithm of the noise around the target's
BALANCE = 0.5  # 0: a second of any data set counts the same, 1: data sets do
CORRELATION = 0.3  # weight of 1 - correlation in the loss
LIKENESS = 0.8  # share of the crops that is drawn by likeness to the target
EXPECTED_AT_FIRST = -2.5  # bias of the output: .08 spikes a sample
STEPS_BETWEEN_LOSSES = 50
COUNTED = 20  # batches by whose spikes a trained network is scaled


@dataclass(frozen=True)
class GroundTruth:
    """dff : (time, roi); frame_times : (time,) s; spike_times : s, those of ROI r from spike_offsets[r] to
    spike_offsets[r + 1]; dataset : recordings of one name are weighed together; session : whose recording it is."""

    dff: np.ndarray
    frame_times: np.ndarray
    spike_times: np.ndarray
    spike_offsets: np.ndarray
    dataset: str = ""
    session: str = ""


@dataclass(frozen=True)
class Target:
    """What is known of the traces to be deconvolved, at the networks' rate: nothing of their spikes.

    noise : (n,) their noise; traits : (n, trait), or None for any traces of such noise
    """

    noise: np.ndarray
    traits: np.ndarray | None = None

    @classmethod
    def of(cls, recordings: Sequence[GroundTruth], rate: float) -> "Target":
        """The noise and traits of the dF/F of recordings."""
        found = [at_rate(one.dff, frame_rate_of(one.frame_times), rate) for one in recordings]
        return cls(np.concatenate([noise for _, noise in found]), np.concatenate([traits(*each) for each in found]))


@dataclass(frozen=True)
class _Cell:
    trace: np.ndarray  # (time,) dF/F without its baseline
    noise: float
    traits: np.ndarray  # (trait,)
    spikes: np.ndarray  # (time,) true counts
    spread: float  # SD of the smoothed counts
    dataset: str


def train(
    recordings: Sequence[GroundTruth],
    folder: Path,
    *,
    rate: float = 25.0,
    target: Target | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    channels: int = 16,
    n_steps: int = 1000,
    batch_size: int = 32,
    learning_rate: float = 5e-3,
    weight_decay: float = 1e-3,
    follow: Callable[[int, int, float], None] = lambda seed, step, loss: None,
) -> Path:
    """Write one network a seed into folder, as network-<seed>.safetensors, and return folder.

    rate : Hz, not above the frame rate of any recording here or to be deconvolved; target : the traces to be
    deconvolved, whose noise training traces are given; follow : told of the mean loss of the last steps, now and then.
    A network that is in the folder is kept.
    """
    cells = [cell for recording in recordings for cell in _cells(recording, rate)]
    if not cells:
        raise BadInput(f"no cell to train on has {CROP / rate:.3g} s of recording and a true spike")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "rate": rate,
        "channels": channels,
        "n_steps": n_steps,
        "datasets": sorted({recording.dataset for recording in recordings}),
        "sessions": sorted({recording.session for recording in recordings}),
    }
    waiting = [seed for seed in seeds if not (folder / f"network-{seed}.safetensors").exists()]
    if not waiting:
        return folder
    chances = _chances(cells, target)
    for seed in waiting:
        with one_thread():
            network, losses = _train_one(
                cells, target, chances, seed, rate, channels, n_steps, batch_size, learning_rate, weight_decay, follow
            )
        weights = {key: value.detach().contiguous() for key, value in network.state_dict().items()}
        unfinished = folder / f".network-{seed}"
        save_file(weights, unfinished, {"facts": json.dumps(facts | {"seed": seed, "losses": losses})})
        os.replace(unfinished, folder / f"network-{seed}.safetensors")
    return folder


def _cells(recording: GroundTruth, rate: float) -> list[_Cell]:
    from scipy.ndimage import gaussian_filter1d

    frame_rate = frame_rate_of(recording.frame_times)
    if frame_rate < 0.99 * rate:
        raise BadInput(
            f"a recording of {recording.dataset!r} has {frame_rate:g} Hz, less than the {rate:g} Hz to train at"
        )
    traces, noise = at_rate(np.asarray(recording.dff, np.float64), frame_rate, rate)
    of_rois = traits(traces, noise)
    edges = recording.frame_times[0] - 0.5 / frame_rate + np.arange(len(traces) + 1) / rate
    found = []
    for roi in range(traces.shape[1]):
        first, last = recording.spike_offsets[roi], recording.spike_offsets[roi + 1]
        spikes = np.histogram(recording.spike_times[first:last], edges)[0].astype(np.float32)
        if len(traces) > CROP and spikes.any():
            spread = float(gaussian_filter1d(spikes, SMOOTHING * rate).std())
            found.append(_Cell(traces[:, roi], float(noise[roi]), of_rois[roi], spikes, spread, recording.dataset))
    return found


def _chances(cells: list[_Cell], target: Target | None) -> np.ndarray:
    """How often each cell is drawn."""
    lengths = np.array([len(cell.trace) for cell in cells], float)
    datasets, dataset = np.unique([cell.dataset for cell in cells], return_inverse=True)
    total = np.bincount(dataset, lengths)
    chances = lengths / total[dataset] ** BALANCE
    chances /= chances.sum()
    if target is None or target.traits is None or len(datasets) == 1:
        return chances
    shares = likeness(np.stack([cell.traits for cell in cells]), dataset, target.traits)
    return (1 - LIKENESS) * chances + LIKENESS * shares[dataset] * lengths / total[dataset]


def _train_one(
    cells, target, chances, seed, rate, channels, n_steps, batch_size, learning_rate, weight_decay, follow
) -> tuple[Network, list[float]]:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(channels)
    output = network.layers[-1]
    assert isinstance(output, torch.nn.Conv1d)
    assert output.bias is not None
    torch.nn.init.constant_(output.bias, EXPECTED_AT_FIRST)
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=n_steps)
    smooth = _smoother(SMOOTHING * rate)

    def draw() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        chosen = [cells[i] for i in rng.choice(len(cells), batch_size, p=chances)]
        crops = [_crop(cell, target, rng) for cell in chosen]
        seen, spikes = (torch.from_numpy(np.stack(parts)) for parts in zip(*crops, strict=True))
        expected, true = (smooth(rates)[:, EDGE:-EDGE] for rates in (network(seen), spikes))
        return expected, true, torch.tensor([cell.spread for cell in chosen])

    losses, total = [], 0.0
    for step in range(1, n_steps + 1):
        loss = _loss(*draw())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        total += float(loss.detach())
        if step % STEPS_BETWEEN_LOSSES == 0:
            losses.append(round(total / STEPS_BETWEEN_LOSSES, 6))
            follow(seed, step, losses[-1])
            total = 0.0
    with torch.inference_mode():
        counts = [(float(expected.sum()), float(true.sum())) for expected, true, _ in (draw() for _ in range(COUNTED))]
    found, there = np.sum(counts, axis=0)
    network.scale.fill_(there / found)
    return network.eval(), losses


def _crop(cell: _Cell, target: Target | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(time,) as the network sees it, made as noisy as a recording to be deconvolved, and (time,) true counts."""
    start = int(rng.integers(len(cell.trace) - CROP))
    trace, noise = cell.trace[start : start + CROP], cell.noise
    if target is not None:
        wanted = float(rng.choice(target.noise) * np.exp(JITTER * rng.standard_normal()))
        if wanted > noise:
            trace = trace + np.sqrt(wanted**2 - noise**2) * rng.standard_normal(CROP)
            noise = wanted
    return see(trace, np.float64(noise)), cell.spikes[start : start + CROP]


def _loss(expected: torch.Tensor, true: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Of smoothed rates (crop, time) and the SD of the true one of each crop's cell; crops without spikes have no
    correlation."""
    error = ((expected - true) ** 2).mean(1) / spread
    expected, true = (rates - rates.mean(1, keepdim=True) for rates in (expected, true))
    power = (true**2).mean(1)
    correlation = (expected * true).mean(1) / torch.sqrt((expected**2).mean(1) * power + 1e-6)
    return (error + CORRELATION * (1 - correlation) * (power > 0)).mean()


def _smoother(sd: float):
    """A Gaussian of `sd` samples along the last axis of (roi, time)."""
    reach = int(4 * sd + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sd) ** 2)
    kernel = (kernel / kernel.sum())[None, None]
    return lambda values: torch.nn.functional.conv1d(values[:, None], kernel, padding=reach)[:, 0]

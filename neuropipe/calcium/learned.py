"""Deconvolution by small convolutional networks that were trained on recordings with true spikes.

The idea is that of Rupprecht et al. 2021 (doi:10.1038/s41593-021-00895-5): networks that see a few seconds around each
moment, trained on many data sets resampled to one frame rate, with noise added until it is that of the recordings to
deconvolve. Here a trace is seen in units of its own noise, so neither indicator nor brightness need be known.

What the networks find is averaged with what `oasis` finds: they know how recordings look that they learned from, it
knows how fluorescence decays, and where both see a spike it is more likely one (docs/choices/deconvolution.md).
"""

from pathlib import Path

import numpy as np
import torch

from neuropipe.calcium.learned_network import SMOOTHING, at_rate, read_network, see
from neuropipe.calcium.oasis import Oasis
from neuropipe.calcium.preprocessing import rebin
from neuropipe.errors import BadInput
from neuropipe.registry import deconvolver

OF_OASIS = 1 / 3  # share of oasis in the average; the networks share the rest
LONGEST_DELAY = 0.2  # s, by which oasis may be moved to the networks, which learn how late an indicator is
AT_ONCE = 4  # ROIs: what a network makes of half an hour at 25 Hz is 17 MB a layer and ROI


@deconvolver("learned", units="expected spikes a frame", tools=("torch", "oasis-deconv"), needs_training=True)
class Learned:
    """Networks trained on recordings with true spikes, averaged with oasis; their disagreement is the uncertainty."""

    def __init__(self, *, folder: str = ""):
        """folder : where `learned_training.train` wrote the networks; rate : Hz, at which they work."""
        files = sorted(Path(folder).glob("network-*.safetensors")) if folder else []
        if not files:
            raise BadInput(f"no trained networks in {folder!r}; give folder= what learned_training.train wrote")
        self.networks = []
        self.sessions: set[str] = set()  # that any of them was trained on
        for file in files:
            network, facts = read_network(file)
            self.networks.append(network)
            self.rate = float(facts["rate"])
            self.sessions |= set(facts["sessions"])

    def deconvolve(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """Expected spikes a frame, (time, roi), of dff (time, roi) without NaN; a constant trace has none."""
        return self.deconvolve_with_uncertainty(dff, frame_rate)[0]

    def deconvolve_with_uncertainty(self, dff: np.ndarray, frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
        """Expected spikes a frame, (time, roi), and their SD over networks and oasis, by their shares."""
        events, doubt = (np.empty(dff.shape, np.float32) for _ in range(2))
        for first in range(0, dff.shape[1], AT_ONCE):
            rois = slice(first, first + AT_ONCE)
            each = self.by_networks(dff[:, rois], frame_rate)
            mean = each.mean(0)
            other = like(mean, Oasis().deconvolve(dff[:, rois], frame_rate), frame_rate)
            both = (1 - OF_OASIS) * mean + OF_OASIS * other
            # networks alone say how many spikes there are
            scale = mean.sum(0) / np.maximum(both.sum(0), 1e-9)
            variance = (1 - OF_OASIS) * ((each - both) ** 2).mean(0) + OF_OASIS * (other - both) ** 2
            events[:, rois], doubt[:, rois] = scale * both, scale * np.sqrt(variance)
        return events, doubt

    def by_networks(self, dff: np.ndarray, frame_rate: float) -> np.ndarray:
        """(network, time, roi) expected spikes a frame, of the networks alone."""
        if frame_rate < 0.99 * self.rate:
            raise BadInput(
                f"these networks work at {self.rate:g} Hz, the traces have {frame_rate:g} Hz; "
                f"train with rate={frame_rate:g}"
            )
        seen = torch.from_numpy(see(*at_rate(dff, frame_rate, self.rate)))
        back = np.arange(len(dff) + 1) * self.rate / frame_rate
        with torch.inference_mode():
            found = np.stack([rebin(network(seen).numpy().T.astype(np.float64), back) for network in self.networks])
        found[:, :, np.ptp(dff, axis=0) == 0] = 0
        return np.maximum(found, 0)  # differences of sums can fall below 0 by rounding


def like(rates: np.ndarray, events: np.ndarray, frame_rate: float) -> np.ndarray:
    """events (time, roi) of another unit and delay, made to vary as much as rates (time, roi), and at the same time.

    Both are judged smoothed alike; events are moved by whole frames to where they correlate best, and then scaled.
    """
    from scipy.ndimage import gaussian_filter1d

    wanted, found = (gaussian_filter1d(each, SMOOTHING * frame_rate, axis=0) for each in (rates, events))
    wanted, found = wanted - wanted.mean(0), found - found.mean(0)
    n, reach = len(rates), min(round(LONGEST_DELAY * frame_rate), len(rates) // 3)
    delays = np.arange(-reach, reach + 1)
    match = [np.einsum("tr,tr->r", wanted[reach : n - reach], found[reach + d : n - reach + d]) for d in delays]
    source = np.arange(n)[:, None] + delays[np.argmax(match, axis=0)]
    moved = np.take_along_axis(events, source.clip(0, n - 1), axis=0) * ((source >= 0) & (source < n))
    return moved * (wanted.std(0) / np.maximum(found.std(0), 1e-12)) * (found.std(0) > 0)

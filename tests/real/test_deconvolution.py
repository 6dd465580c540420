"""Deconvolution on recordings whose true spikes are known: no data set falls below what is claimed."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from neuropipe import calcium
from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.calcium.scores import score

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="the real recordings are not here: set NEUROPIPE_MIRROR"
    ),
]


@pytest.mark.parametrize(
    ("dataset", "lowest"),
    [("DS09", 0.79), ("DS10", 0.74), ("DS12", 0.74), ("DS14", 0.76), ("DS15", 0.61), ("DS16", 0.57)],
)
def test_events_follow_the_true_spikes(dataset, lowest):
    correlations, rates = [], []
    for path in sorted(Path(os.environ["NEUROPIPE_MIRROR"]).glob(f"*/*/*/*/Ground_truth/{dataset}-*/*.mat")):
        for cell in loadmat(path)["CAttached"].ravel():
            dff, times, spikes = (
                np.asarray(cell[name][0, 0], float).ravel() for name in ("fluo_mean", "fluo_time", "events_AP")
            )
            rates.append(frame_rate_of(times))
            spikes = 1e-4 * spikes[np.isfinite(spikes)]
            events = calcium.deconvolve(dff[:, None], rates[-1])
            table = score(
                events, times, spikes, np.array([0, len(spikes)]), in_spikes=False, smoothings=(0.08,), n_resamples=1
            )
            correlations.append(table.correlation[0])
    assert len(correlations) >= 6
    assert 55 < min(rates) <= max(rates) < 185
    assert np.mean(correlations) >= lowest

"""Networks that never saw a data set deconvolve it better than OASIS alone, even after a minute of training."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from neuropipe import calcium
from neuropipe.calcium.learned_training import GroundTruth, Target, train
from neuropipe.calcium.preprocessing import frame_rate_of
from neuropipe.calcium.scores import score

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.slow,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="the real recordings are not here: set NEUROPIPE_MIRROR"
    ),
]


def recordings(dataset: str) -> list[GroundTruth]:
    found = []
    for path in sorted(Path(os.environ["NEUROPIPE_MIRROR"]).glob(f"*/*/*/*/Ground_truth/{dataset}-*/*.mat")):
        for cell in loadmat(path)["CAttached"].ravel():
            dff, times, spikes = (
                np.asarray(cell[name][0, 0], float).ravel() for name in ("fluo_mean", "fluo_time", "events_AP")
            )
            spikes = 1e-4 * spikes[np.isfinite(spikes)]
            found.append(GroundTruth(dff[:, None], times, spikes, np.array([0, len(spikes)]), dataset, path.stem))
    return found


def mean_correlation(left_out: list[GroundTruth], method: str, **parameters: str) -> float:
    found = []
    for one in left_out:
        events = calcium.deconvolve(one.dff, frame_rate_of(one.frame_times), method, **parameters)
        table = score(events, one.frame_times, one.spike_times, one.spike_offsets, smoothings=(0.08,), n_resamples=1)
        found.append(table.correlation[0])
    return float(np.mean(found))


def test_what_was_learned_on_others_holds_on_a_data_set_left_out(tmp_path):
    known = [one for dataset in ("DS12", "DS14", "DS15") for one in recordings(dataset)]
    left_out = recordings("DS16")
    assert (len(known), len(left_out)) == (33, 9)
    folder = train(known, tmp_path, target=Target.of(left_out, 25.0), seeds=(0,), n_steps=200)
    learned = mean_correlation(left_out, "learned", folder=str(folder))
    assert learned >= 0.72
    assert learned >= mean_correlation(left_out, "oasis") + 0.02

"""Imaged sessions made up for tests: traces with known spikes, a cohort of them, and a tiny movie."""

import numpy as np

DATASET = """\
title: Own imaging
citation: unpublished
licence: not stated
modality: fluorescence
reader: traces_npz
parameters: {truth: true}
sessions:
"""
COHORT = """\
title: Recordings with true spikes
groups:
  first: [own.a, own.b]
  second: [own.c]
"""
NETWORKS = "deconvolution_networks"
SECONDS = 70


def imaging(seed: int, rate: float) -> dict[str, np.ndarray]:
    """Two ROIs whose transients decay in half a second; the second was recorded for 60 s only."""
    rng = np.random.default_rng(seed)
    frame_times = np.arange(int(SECONDS * rate)) / rate
    trains = [np.sort(rng.uniform(0, 59, 60)) for _ in range(2)]
    since = [frame_times[:, None] - spikes for spikes in trains]
    dff = np.stack([(np.exp(-s.clip(0) / 0.5) * (s > 0)).sum(axis=1) for s in since], axis=1)
    dff += rng.normal(0, 0.1, dff.shape)
    dff[frame_times > 60, 1] = np.nan
    offsets = np.cumsum([0, *map(len, trains)])
    return {"dff": dff, "frame_times": frame_times, "spike_times": np.concatenate(trains), "spike_offsets": offsets}


N_CELLS = 10
MOVIE = f"""\
title: A tiny movie
citation: "Chen et al. 2013, Nature 499:295"
licence: CC0-1.0
modality: movie
simulator: calcium_movie
parameters:
  decisions: {{n_trials: 30, n_units: {N_CELLS}, baseline_rate: 1.0}}
  height: 76
  width: 84
  frame_rate: 15.0
  max_shift: 3.0
  peak_snr: 4.0
sessions:
  one: {{parameters: {{seed: 11}}}}
"""

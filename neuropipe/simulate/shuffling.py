"""Shuffles labels: a recording whose labels carry no information."""

from dataclasses import replace

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.recording import Recording


def shuffle_labels(recording: Recording, column: str, seed: int = 0) -> Recording:
    """The same recording with trial column `column` permuted, without the truth, which belongs to the true labels."""
    if recording.trials is None or column not in recording.trials:
        columns = [] if recording.trials is None else list(recording.trials.columns)
        raise BadInput(f"no trial column {column!r} to shuffle; the recording has {columns}")
    permuted = np.random.default_rng(seed).permutation(recording.trials[column].to_numpy())
    return replace(recording, trials=recording.trials.assign(**{column: permuted}), truth={})

"""Features of all channels of a recording: re-referenced, stretch by stretch, block of channels by block."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np


def channel_names(units: Any) -> list[str]:
    """Names of channels or voxels, from the unit table: its column `channel` or `voxel`, else their numbers."""
    for column in ("channel", "voxel"):
        if column in units:
            return [str(name) for name in units[column]]
    return [str(number) for number in range(len(units))]


def extract(
    signals: Any, segments: np.ndarray, sampling_rate: float, feature: Any, blocks: Iterable[slice], weights: Any = None
) -> Iterator[tuple[slice, np.ndarray]]:
    """Channels of each block, and their features (time, channel x feature) float32, the features of a channel together.

    signals : (time, channel), anything that slices like an array; segments : (segment, 2) samples; blocks : of
    channels; weights : (channel,) of the reference (`reference_weights`), None to keep the recording's
    """
    spans = [slice(int(first), int(stop)) for first, stop in segments]
    every = list(blocks)
    common: Any = None if weights is None else sum(signals[:, block] @ weights[block] for block in every)
    for block in every:
        values = np.asarray(signals[:, block], np.float64)
        if common is not None:
            values = values - common[:, None]
        made = np.concatenate([feature.transform(values[span], sampling_rate) for span in spans])
        yield block, made.reshape(len(made), -1).astype(np.float32)

"""How the decoders' defaults were chosen: one declaration per decoder, run by `python -m benchmarks.choose`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Choice:
    """One decoder whose defaults were chosen by scoring variants side by side.

    tasks : () -> name, X and y of each task; scores : (X, y, variants) -> (variant, fold, metric); variants : settings
    that differ from the defaults; metrics : names of the last axis, the one that decides first
    """

    tasks: Callable[[], Iterator[tuple[str, np.ndarray, np.ndarray]]]
    scores: Callable[[np.ndarray, np.ndarray, list[dict]], np.ndarray]
    variants: list[dict]
    metrics: tuple[str, ...] = ("log loss", "accuracy")

"""Decoders that train over many epochs: a callback can observe them, and an interrupted fit can resume."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

OnEpoch = Callable[[Mapping[str, Any]], None]
"""Is called with one row of the learning curves after every epoch."""


@runtime_checkable
class Observable(Protocol):
    """After `fit`, `curves_` holds the learning curves: part (one network of the fit), epoch from 1, train_loss and
    validation_loss (NaN where nothing was held out)."""

    def observe(self, on_epoch: OnEpoch | None = None, checkpoints: Path | None = None) -> "Observable":
        """Call `on_epoch` after every epoch, and save work in progress in the folder `checkpoints`."""
        ...

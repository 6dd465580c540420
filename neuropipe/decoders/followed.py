"""Decoders that learn over many epochs, and so can be watched and go on after a kill."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Followed(Protocol):
    """After `fit`, `curves_` is a table: part (one network of the fit), epoch from 1, train_loss, validation_loss (NaN
    where nothing was held out)."""

    def follow(
        self, on_epoch: Callable[[Mapping[str, Any]], None] | None = None, checkpoints: Path | None = None
    ) -> "Followed":
        """Hand every row of the learning curves to `on_epoch` as it comes; keep work in progress in `checkpoints`."""

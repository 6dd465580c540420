"""Fits of one stage: logged epoch by epoch where the decoder trains in epochs, resumed after a kill."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from neuropipe.decoders.networks.observable import Observable

EPOCHS_BETWEEN_LINES = 10


class Training:
    """Fits decoders and collects their learning curves. progress : folder that outlives a kill."""

    def __init__(self, log: Any, progress: Path):
        self._log, self._progress = log, progress
        self._curves: dict[tuple[str, int], pd.DataFrame] = {}
        if any(progress.rglob("*.safetensors")):
            log.info("resuming from the checkpoints of an interrupted run")

    def fit(self, estimator: Any, scheme: str, fold: int, *data: Any, **more: Any) -> Any:
        """The estimator, fitted; scheme, fold : what the fit is called."""
        if not isinstance(estimator, Observable):
            return estimator.fit(*data, **more)
        lines = _Lines(f"{scheme} fold {fold}", self._log)
        estimator.observe(lines, self._progress / f"{scheme}-{fold}").fit(*data, **more)
        lines.end(len(estimator.curves_))
        self._curves[scheme, fold] = estimator.curves_
        return estimator

    @property
    def curves(self) -> pd.DataFrame | None:
        """Learning curves of all fits; None where nothing was trained in epochs."""
        if not any(map(len, self._curves.values())):
            return None
        tables = [self._curves[name].assign(scheme=name[0], fold=name[1]) for name in sorted(self._curves)]
        return pd.concat(tables, ignore_index=True)


class _Lines:
    """One fit in log lines: every few epochs, and at the end of each network."""

    def __init__(self, fit: str, log: Any):
        self._fit, self._log = fit, log
        self._last: Mapping[str, Any] | None = None
        self._trained = 0

    def __call__(self, row: Mapping[str, Any]) -> None:
        if self._last is None or row["part"] != self._last["part"]:
            self._network_ended()
            if row["epoch"] > 1:
                self._log.info(f"{self._fit}, {row['part']}: resumes at epoch {row['epoch']}")
        elif row["epoch"] % EPOCHS_BETWEEN_LINES == 0:
            self._log.info(f"{self._fit}, {row['part']}: {_losses(row)}")
        self._last = row
        self._trained += 1

    def end(self, n_epochs: int) -> None:
        """n_epochs : of all networks of the fit, whenever they were trained."""
        self._network_ended()
        if resumed := n_epochs - self._trained:
            self._log.info(f"{self._fit}: {resumed} of {n_epochs} epochs come from an interrupted run")

    def _network_ended(self) -> None:
        if self._last is not None:
            self._log.info(f"{self._fit}, {self._last['part']}: trained, {_losses(self._last)}")


def _losses(row: Mapping[str, Any]) -> str:
    held_out = row["validation_loss"]
    beside = "" if held_out is None else f", {held_out:.3f} held out"
    return f"epoch {row['epoch']}, loss {row['train_loss']:.3f} in training{beside}"

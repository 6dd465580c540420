"""How networks learn, epoch by epoch: told as they train, kept beside what they predict, gone on with after a kill."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from neuropipe.decoders.followed import Followed
from neuropipe.plots import training as figures_training
from resources.store.artifact import Draft

EPOCHS_BETWEEN_LINES = 10
CURVES = "learning_curves"


class Learning:
    """Follows the fits of one stage, where its decoder can be followed. progress : folder that outlives a kill."""

    def __init__(self, log: Any, progress: Path):
        self._log, self._progress = log, progress
        self._curves: dict[tuple[str, int], pd.DataFrame] = {}
        if any(progress.rglob("*.safetensors")):
            log.info("going on with what an interrupted run had trained")

    def fit(self, estimator: Any, scheme: str, fold: int, *data: Any, **more: Any) -> Any:
        """The estimator, fitted; scheme, fold : what the fit is called."""
        if not isinstance(estimator, Followed):
            return estimator.fit(*data, **more)
        lines = _Lines(f"{scheme} fold {fold}", self._log)
        estimator.follow(lines, self._progress / f"{scheme}-{fold}").fit(*data, **more)
        lines.end(len(estimator.curves_))
        self._curves[scheme, fold] = estimator.curves_
        return estimator

    def keep(self, draft: Draft, title: str) -> None:
        """Keep the curves in the draft's extras, as a table and as a figure."""
        if not any(map(len, self._curves.values())):  # none followed, or counts that never vary: nothing to learn
            return
        curves = pd.concat(
            [self._curves[name].assign(scheme=name[0], fold=name[1]) for name in sorted(self._curves)],
            ignore_index=True,
        )
        curves.to_parquet(draft.extras / f"{CURVES}.parquet", index=False)
        draft.figure(CURVES, figures_training.learning_curves(curves, title=title))


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
                self._log.info(f"{self._fit}, {row['part']}: goes on at epoch {row['epoch']}")
        elif row["epoch"] % EPOCHS_BETWEEN_LINES == 0:
            self._log.info(f"{self._fit}, {row['part']}: {_losses(row)}")
        self._last = row
        self._trained += 1

    def end(self, n_epochs: int) -> None:
        """n_epochs : of all networks of the fit, whenever they were trained."""
        self._network_ended()
        if kept := n_epochs - self._trained:
            self._log.info(f"{self._fit}: {kept} of {n_epochs} epochs were kept from an interrupted run")

    def _network_ended(self) -> None:
        if self._last is not None:
            self._log.info(f"{self._fit}, {self._last['part']}: trained, {_losses(self._last)}")


def _losses(row: Mapping[str, Any]) -> str:
    held_out = row["validation_loss"]
    beside = "" if held_out is None else f", {held_out:.3f} held out"
    return f"epoch {row['epoch']}, loss {row['train_loss']:.3f} in training{beside}"

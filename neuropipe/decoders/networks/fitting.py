"""How network decoders are fitted and saved: observation, resuming, early stopping, weights on disk."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from torch import nn

from neuropipe.decoders.inner_folds import InnerFold
from neuropipe.decoders.networks.augmentation import Samples
from neuropipe.decoders.networks.checkpoints import Checkpoints, fingerprint
from neuropipe.decoders.networks.initialisation import construct
from neuropipe.decoders.networks.observable import OnEpoch
from neuropipe.decoders.networks.training import TrainingRun
from neuropipe.parameters import (
    COUNT,
    COUNT_OR_ZERO,
    FOLDS_OR_NONE,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE_BELOW_ONE,
    Parameters,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Observation:
    """on_epoch : is called after every epoch; checkpoints : folder of work in progress."""

    on_epoch: OnEpoch | None = None
    checkpoints: Path | None = None


class NetworkFits(Parameters, BaseEstimator):
    """A decoder whose fits can be observed and, when interrupted, resumed.

    seed : of all random numbers; device : "auto", "cpu" or "cuda"
    """

    _parameter_constraints = {
        "width": [COUNT],
        "dropout": [SHARE_BELOW_ONE],
        "unit_dropout": [SHARE_BELOW_ONE],
        "learning_rate": [POSITIVE],
        "weight_decay": [NOT_NEGATIVE],
        "n_epochs": [COUNT],
        "batch_size": [COUNT],
        "n_inner_folds": FOLDS_OR_NONE,
        "n_seeds": [COUNT],
        "seed": [COUNT_OR_ZERO],
        "device": [str],
    }
    _observation = _Observation()
    plugin_name: ClassVar[str]  # set by the decorator

    def observe(self, on_epoch: OnEpoch | None = None, checkpoints: Path | None = None):
        """Call `on_epoch` with each new row of the learning curves, and save work in progress in a folder.

        An interrupted fit that is started again with the same data, parameters and folder resumes, and gives the same
        decoder as an uninterrupted one. Deleting the folder is up to the caller.
        """
        self._observation = _Observation(on_epoch, checkpoints)
        return self

    def _report(self, row: Mapping[str, Any]) -> None:
        _log.debug("%s: %s", type(self).__name__, row)
        if self._observation.on_epoch:
            self._observation.on_epoch(row)

    def _checkpoints(self, device: torch.device, *data: np.ndarray) -> Checkpoints | None:
        if self._observation.checkpoints is None:
            return None
        parameters = self.get_params() | {"device": str(device)}
        facts = {"decoder": self.plugin_name, "parameters": parameters, "torch": torch.__version__}
        return Checkpoints(self._observation.checkpoints, fingerprint(facts, *data))


def epochs_by_folds(
    fit: Callable[[TrainingRun, tuple[int, ...]], nn.Module],
    samples: Samples,
    folds: list[InnerFold],
    n_epochs: int,
    curves: list[dict[str, Any]],
) -> int:
    """Choose the number of epochs with networks trained without each of the folds; n_epochs if there are no folds.

    fit : (run, numbers of its random stream) -> a trained network, whose learning curve it adds to `curves`
    """
    if not folds:
        return n_epochs
    for number, fold in enumerate(folds):
        train, validate = (torch.from_numpy(rows).to(samples.targets.device) for rows in (fold.train, fold.validate))
        fit(TrainingRun(f"inner-{number}", n_epochs, samples.take(train), samples.take(validate)), (0, number))
    return best_epoch(pd.DataFrame(curves), [len(fold.validate) for fold in folds])


def best_epoch(curves: pd.DataFrame, weights: list[int]) -> int:
    """The epoch with the lowest validation loss, averaged over the networks with these weights.

    Losses are averaged with those of the neighbouring epochs, so that a single lucky epoch is not chosen.
    """
    losses = curves.pivot(index="part", columns="epoch", values="validation_loss").astype(float)
    mean = pd.Series(np.average(losses, axis=0, weights=weights), index=losses.columns)
    return int(mean.rolling(3, center=True, min_periods=1).mean().idxmin())


def curves_table(curves: list[dict[str, Any]]) -> pd.DataFrame:
    """Learning curves as a table, one row per network and epoch."""
    columns = ["part", "epoch", "learning_rate", "train_loss", "validation_loss"]
    return pd.DataFrame(curves, columns=columns).astype({"validation_loss": float})


def stream_seed(*numbers: int) -> int:
    """A seed for each network, whose random numbers are independent of the others'."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def for_prediction(network: nn.Module) -> nn.Module:
    """Move to the CPU and float64, in which predictions of a trial do not depend on which trials come with it."""
    return network.cpu().double().eval().requires_grad_(False)


def weights_of(networks: list[nn.Module]) -> dict[str, torch.Tensor]:
    """Weights and buffers of several networks for one safetensors file, in the types that they were trained in."""
    return {
        f"network.{number}.{name}": _as_trained(values).contiguous()
        for number, network in enumerate(networks)
        for name, values in network.state_dict().items()
    }


def _as_trained(values: torch.Tensor) -> torch.Tensor:
    """float64 of `for_prediction` -> float32 if that is exact; other types, such as integer counters, unchanged."""
    if values.dtype != torch.float64:
        return values
    narrow = values.float()
    return narrow if torch.equal(narrow.double(), values) else values


def load_network(
    tensors: Mapping[str, torch.Tensor], number: int, make: Callable[[], nn.Module], seed: int
) -> nn.Module:
    """Load network `number` of those that `weights_of` saved. seed : the one that the network was built with"""
    network = construct(make, seed)
    network.load_state_dict(with_prefix(tensors, f"network.{number}."), assign=True)
    return for_prediction(network)


def with_prefix(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {key.removeprefix(prefix): values for key, values in tensors.items() if key.startswith(prefix)}

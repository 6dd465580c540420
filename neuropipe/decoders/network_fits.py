"""What decoders made of networks share, whatever they decode: who follows a fit, when it stops, how it is kept."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator
from torch import nn

from neuropipe.decoders.augmentation import Samples
from neuropipe.decoders.checkpoints import Checkpoints, fingerprint
from neuropipe.decoders.inner_folds import InnerFold
from neuropipe.decoders.parameters import Parameters
from neuropipe.decoders.training import Part
from neuropipe.errors import BadInput

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Follow:
    """Who is told of every epoch, and where work in progress is kept."""

    on_epoch: Callable[[Mapping[str, Any]], None] | None = None
    checkpoints: Path | None = None


class NetworkFits(Parameters):
    """A decoder whose fits can be followed and, after a kill, go on where they were."""

    _follow = _Follow()

    def follow(self, on_epoch: Callable[[Mapping[str, Any]], None] | None = None, checkpoints: Path | None = None):
        """Hand every row of the learning curves to `on_epoch` as it comes, and keep work in progress in a folder.

        A fit that was killed and is started again with the same data, parameters and folder goes on where it was and
        ends in the same decoder. The folder is the caller's to delete.
        """
        self._follow = _Follow(on_epoch, checkpoints)
        return self

    def _report(self, row: Mapping[str, Any]) -> None:
        _log.debug("%s: %s", type(self).__name__, row)
        if self._follow.on_epoch:
            self._follow.on_epoch(row)

    def _checkpoints(self, device: torch.device, *data: np.ndarray) -> Checkpoints | None:
        if self._follow.checkpoints is None:
            return None
        parameters = self.get_params() | {"device": str(device)}
        facts = {"decoder": self.plugin_name, "parameters": parameters, "torch": torch.__version__}
        return Checkpoints(self._follow.checkpoints, fingerprint(facts, *data))


# Parameters -> (whether a value can be used, the same in words); the parameters that a decoder lacks are passed over.
_RULES: list[tuple[tuple[str, ...], Callable[[Any], bool], str]] = [
    (
        ("n_lags", "n_components", "width", "n_epochs", "batch_size", "n_seeds"),
        lambda value: value >= 1 and int(value) == value,
        "a whole number of at least 1",
    ),
    (
        ("n_inner_folds", "time_jitter", "seed"),
        lambda value: value >= 0 and int(value) == value,
        "a whole number of at least 0",
    ),
    (
        ("dropout", "unit_dropout", "label_smoothing"),
        lambda value: 0 <= value < 1,
        "a share from 0 to below 1",
    ),
    (("weight_decay", "scale_offset"), lambda value: 0 <= value < np.inf, "a finite number of at least 0"),
    (("mixup",), lambda value: 0 <= value <= 1, "a share from 0 to 1"),
    (("learning_rate",), lambda value: 0 < value < np.inf, "a finite number above 0"),
]


def check_numbers(decoder: BaseEstimator) -> None:
    """Refuse parameters that make no sense, by name."""
    for names, holds, expected in _RULES:
        for name in names:
            if not hasattr(decoder, name):
                continue
            value = getattr(decoder, name)
            if isinstance(value, str) or value is None or not holds(value):
                raise BadInput(f"{decoder.plugin_name}: {name} is {value!r}; expected {expected}")
    if decoder.n_inner_folds == 1:
        raise BadInput("n_inner_folds is 1, which leaves nothing to train on; give 0 (no early stopping) or >= 2")


def epochs_by_folds(
    fitted: Callable[[Part, tuple[int, ...]], nn.Module],
    samples: Samples,
    folds: list[InnerFold],
    n_epochs: int,
    curves: list[dict[str, Any]],
) -> int:
    """After how many epochs to stop, by networks trained without each of the folds; without folds all n_epochs.

    fitted : (part, numbers of its random stream) -> a trained network, whose learning curve it adds to `curves`.
    """
    if not folds:
        return n_epochs
    for number, fold in enumerate(folds):
        train, validate = (torch.from_numpy(rows).to(samples.targets.device) for rows in (fold.train, fold.validate))
        fitted(Part(f"inner-{number}", n_epochs, samples.take(train), samples.take(validate)), (0, number))
    return best_epoch(pd.DataFrame(curves), [len(fold.validate) for fold in folds])


def best_epoch(curves: pd.DataFrame, weights: list[int]) -> int:
    """The epoch at which the mean of the validation losses, over parts weighed by their trials, is lowest.

    One epoch's luck is not to decide, so losses are first averaged with their neighbours'.
    """
    losses = curves.pivot(index="part", columns="epoch", values="validation_loss").astype(float)
    mean = pd.Series(np.average(losses, axis=0, weights=weights), index=losses.columns)
    return int(mean.rolling(3, center=True, min_periods=1).mean().idxmin())


def curves_table(curves: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["part", "epoch", "learning_rate", "train_loss", "validation_loss"]
    return pd.DataFrame(curves, columns=columns).astype({"validation_loss": float})


def stream(*numbers: int) -> int:
    """A seed for each network: its random numbers are independent of the others'."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def for_prediction(network: nn.Module) -> nn.Module:
    """In float64 on the CPU, so that a trial's predictions don't depend on which others it is predicted with."""
    return network.cpu().double().eval().requires_grad_(False)


def weights_of(networks: list[nn.Module]) -> dict[str, torch.Tensor]:
    """Weights of several networks for one safetensors file; they were learned in float32, so that nothing is lost."""
    return {
        f"network.{number}.{name}": values.float().contiguous()
        for number, network in enumerate(networks)
        for name, values in network.state_dict().items()
    }


def with_weights(tensors: Mapping[str, torch.Tensor], number: int, describe: Callable[[], nn.Module]) -> nn.Module:
    """Network `number` of those that `weights_of` took apart."""
    with torch.device("meta"):
        network = describe()
    network.load_state_dict(named(tensors, f"network.{number}."), assign=True)
    return for_prediction(network)


def named(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The tensors whose names begin like that, without it."""
    return {key.removeprefix(prefix): values for key, values in tensors.items() if key.startswith(prefix)}

"""Base class of networks that estimate continuous targets. A subclass adds the network itself."""

from abc import abstractmethod
from itertools import pairwise

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neuropipe.decoders.base import CountsRegressor
from neuropipe.decoders.inner_folds import inner_blocks
from neuropipe.decoders.networks.augmentation import Augmentation, Samples
from neuropipe.decoders.networks.devices import clear_memory_errors, find_device, one_thread
from neuropipe.decoders.networks.fitting import (
    NetworkFits,
    curves_table,
    epochs_by_folds,
    for_prediction,
    load_network,
    stream_seed,
    weights_of,
)
from neuropipe.decoders.networks.initialisation import build
from neuropipe.decoders.networks.training import TrainingRun, TrainingSettings, train
from neuropipe.decoders.scaling import Scaling
from neuropipe.parameters import COUNT, NOT_NEGATIVE

_FILE = "networks.safetensors"
_BATCH = 512  # samples scaled or predicted at a time, so that there is no second copy of all histories in memory


class NetworkRegressor(NetworkFits, CountsRegressor):
    """The average of several networks from a history of scaled spike counts to the targets of its last bin.

    The loss is the squared error, every target in units of its standard deviation over the training samples. The number
    of epochs is learned inside the training samples: networks trained without one of n_inner_folds contiguous blocks of
    time, and without the samples on either side that share bins with it, are scored on it after every epoch. Training
    on ALL samples stops at the epoch where their mean error is lowest.

    A subclass implements `_network` and declares the defaults that differ from those here.

    n_lags : largest number of a sample's last bins that are used; scale_offset : c in (x - mean) / (sd + c x mean sd),
    where x is the square root of a count, whose variance hardly depends on the rate (Bartlett 1936); width : hidden
    units; dropout : of hidden units; unit_dropout : see Augmentation; learning_rate, weight_decay, n_epochs,
    batch_size : see TrainingSettings; n_inner_folds : 0 trains for all n_epochs; n_seeds : networks averaged; seed : of
    all random numbers; device : "auto", "cpu" or "cuda"

    After `fit`: n_epochs_; curves_, the learning curves (part, epoch, learning_rate, train_loss, validation_loss).
    """

    _parameter_constraints = {"n_lags": [COUNT], "scale_offset": [NOT_NEGATIVE]}

    n_lags: int = 14
    width: int = 128
    dropout: float = 0.1
    scale_offset: float = 1.0
    unit_dropout: float = 0.2
    learning_rate: float = 0.003
    weight_decay: float = 0.3
    n_epochs: int = 10
    batch_size: int = 128
    n_inner_folds: int = 2
    n_seeds: int = 2
    seed: int = 0
    device: str = "auto"

    @abstractmethod
    def _network(self, n_units: int, n_bins: int, n_targets: int) -> nn.Module:
        """A network from (sample, bin, unit) to (sample, target), with a last nn.Linear called `readout`."""

    def _learn(self, counts, targets, times):
        with one_thread(), clear_memory_errors():
            self._train(counts, targets)

    def _train(self, counts: np.ndarray, targets: np.ndarray) -> None:
        device = find_device(self.device)
        self.scaling_ = Scaling.learn(np.sqrt(np.maximum(counts[:, -1], 0)), self.scale_offset)
        spread = targets.std(axis=0)
        self.target_mean_, self.target_sd_ = targets.mean(axis=0), np.where(spread > 0, spread, 1.0)
        inputs = torch.empty((1, len(counts), self._used_bins(), self.n_units_), dtype=torch.float32)
        for first, stop in _batches(len(counts)):
            inputs[0, first:stop] = self._scale(counts[first:stop])
        truth = torch.from_numpy((targets - self.target_mean_) / self.target_sd_).float()
        augmentation = Augmentation(self.unit_dropout, mixup=0.0)
        settings = TrainingSettings(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(device, counts, targets)
        curves = []

        def fit(run: TrainingRun, numbers: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(stream_seed(self.seed, *numbers))
            network = build(self._make, generator)
            losses = _squared_error, _squared_error
            curves.extend(train(network, run, settings, *losses, generator, checkpoints, self._report))
            return network

        samples = Samples(inputs.to(device), truth.to(device))
        varies = bool(self.scaling_.factor.any())  # from constant counts the mean is predicted
        folds = inner_blocks(len(counts), self.n_inner_folds, counts.shape[1]) if self.n_inner_folds and varies else []
        self.n_epochs_ = epochs_by_folds(fit, samples, folds, self.n_epochs, curves)
        self.networks_ = [
            for_prediction(fit(TrainingRun(f"seed-{number}", self.n_epochs_, samples), (1, number)))
            for number in range(self.n_seeds if varies else 0)
        ]
        self.curves_ = curves_table(curves)

    def _make(self) -> nn.Module:
        return self._network(self.n_units_, self._used_bins(), self.n_targets_)

    def _used_bins(self) -> int:
        return min(self.n_lags, self.n_bins_)

    def _scale(self, counts: np.ndarray) -> torch.Tensor:
        """(sample, bin, unit) counts -> scaled counts of the bins used, with mean variance near 1, float64."""
        rows = np.sqrt(np.maximum(counts[:, self.n_bins_ - self._used_bins() :], 0))
        return torch.from_numpy(self.scaling_.apply(rows) * np.sqrt(self.n_units_))

    def _estimates(self, counts):
        # In float64, so that a sample's estimates do not depend on which samples it is predicted with.
        estimates = torch.zeros(len(counts), self.n_targets_, dtype=torch.float64)
        with one_thread(), torch.no_grad():
            for first, stop in _batches(len(counts)):
                inputs = self._scale(counts[first:stop])
                for network in self.networks_:
                    estimates[first:stop] += network(inputs) / len(self.networks_)
        return estimates.numpy() * self.target_sd_ + self.target_mean_

    def _write(self, folder):
        arrays = {"scaling.mean": self.scaling_.mean, "scaling.factor": self.scaling_.factor}
        arrays |= {"target.mean": self.target_mean_, "target.sd": self.target_sd_}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()}
        save_file(tensors | weights_of(self.networks_), folder / _FILE)
        return {"n_epochs": self.n_epochs_, "n_networks": len(self.networks_)}

    def _read(self, folder, learned):
        tensors = load_file(folder / _FILE)
        self.n_epochs_ = learned["n_epochs"]
        self.scaling_ = Scaling(*(tensors.pop(f"scaling.{name}").numpy() for name in ("mean", "factor")))
        self.target_mean_, self.target_sd_ = (tensors.pop(f"target.{name}").numpy() for name in ("mean", "sd"))
        self.networks_ = [
            load_network(tensors, number, self._make, stream_seed(self.seed, 1, number))
            for number in range(learned["n_networks"])
        ]


def _batches(n_samples: int) -> list[tuple[int, int]]:
    return list(pairwise([*range(0, n_samples, _BATCH), n_samples]))


def _squared_error(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return ((outputs - truth) ** 2).mean(1)

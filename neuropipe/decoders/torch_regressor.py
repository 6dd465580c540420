"""What networks that estimate continuous targets share; a network itself is all that its decoder adds."""

from abc import abstractmethod
from itertools import pairwise

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neuropipe.decoders.augmentation import Augmentation, Samples
from neuropipe.decoders.base import CountsRegressor
from neuropipe.decoders.devices import find_device, one_thread, out_of_memory_in_words
from neuropipe.decoders.inner_folds import inner_blocks
from neuropipe.decoders.network_fits import (
    NetworkFits,
    check_numbers,
    curves_table,
    epochs_by_folds,
    for_prediction,
    stream,
    weights_of,
    with_weights,
)
from neuropipe.decoders.network_parts import build
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.training import Part, Recipe, train

_FILE = "networks.safetensors"
_AT_ONCE = 512  # samples scaled or predicted at a time, so that no second copy of all histories is made


class TorchRegressor(NetworkFits, CountsRegressor):
    """Networks from a history of scaled spike counts to the targets of its last bin, several of them averaged.

    Squared error, every target in units of its standard deviation over the training samples. How long to train is
    learned inside the training samples: networks trained without one of n_inner_folds contiguous blocks of time, nor
    the samples on either side that share bins with it, are scored on it after every epoch; the epoch at which their
    mean error is lowest is where training on ALL samples stops.

    A subclass declares the defaults that differ from those here and says what its network is (`_network`).

    n_lags : how many of a sample's last bins are used, at most; scale_offset : c in (x - mean) / (sd + c x mean sd),
    x the square root of a count, whose variance hardly depends on the rate (Bartlett 1936), learned from the training
    samples; width : hidden units; dropout : of hidden units; unit_dropout : see Augmentation; learning_rate,
    weight_decay, n_epochs, batch_size : see Recipe; n_inner_folds : 0 trains for all n_epochs; n_seeds : networks
    averaged; seed : of every random number; device : "auto", "cpu" or "cuda"

    After `fit`: curves_ : learning curves (part, epoch, learning_rate, train_loss, validation_loss); n_epochs_.
    """

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
        """A network from (sample, bin, unit) to (sample, target), whose last layer is called `readout`."""

    def _learn(self, counts, targets, times):
        check_numbers(self)
        with one_thread(), out_of_memory_in_words():
            self._train(counts, targets)

    def _train(self, counts: np.ndarray, targets: np.ndarray) -> None:
        device = find_device(self.device)
        self.scaling_ = Scaling.learn(np.sqrt(np.maximum(counts[:, -1], 0)), self.scale_offset)
        spread = targets.std(axis=0)
        self.target_mean_, self.target_sd_ = targets.mean(axis=0), np.where(spread > 0, spread, 1.0)
        inputs = torch.empty((1, len(counts), self._used_bins(), self.n_units_), dtype=torch.float32)
        for first, stop in _stretches(len(counts)):
            inputs[0, first:stop] = self._scale(counts[first:stop])
        truth = torch.from_numpy((targets - self.target_mean_) / self.target_sd_).float()
        augmentation = Augmentation(self.unit_dropout, mixup=0.0)
        recipe = Recipe(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(device, counts, targets)

        curves = []

        def fitted(part: Part, numbers: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(stream(self.seed, *numbers))
            network = build(self._describe, generator)
            losses = _squared_error, _squared_error
            curves.extend(train(network, part, recipe, *losses, generator, checkpoints, self._report))
            return network

        samples = Samples(inputs.to(device), truth.to(device))
        varies = bool(self.scaling_.factor.any())  # counts that are always the same say nothing: the mean is the best
        folds = inner_blocks(len(counts), self.n_inner_folds, counts.shape[1]) if self.n_inner_folds and varies else []
        self.n_epochs_ = epochs_by_folds(fitted, samples, folds, self.n_epochs, curves)
        self.networks_ = [
            for_prediction(fitted(Part(f"seed-{number}", self.n_epochs_, samples), (1, number)))
            for number in range(self.n_seeds if varies else 0)
        ]
        self.curves_ = curves_table(curves)

    def _describe(self) -> nn.Module:
        return self._network(self.n_units_, self._used_bins(), self.n_targets_)

    def _used_bins(self) -> int:
        return min(self.n_lags, self.n_bins_)

    def _scale(self, counts: np.ndarray) -> torch.Tensor:
        """(sample, bin, unit) counts -> the bins used, of mean variance near 1, float64."""
        rows = np.sqrt(np.maximum(counts[:, self.n_bins_ - self._used_bins() :], 0))
        return torch.from_numpy(self.scaling_.apply(rows) * np.sqrt(self.n_units_))

    def _estimates(self, counts):
        # In float64, so that a sample's estimates don't depend on which others it is predicted with.
        estimates = torch.zeros(len(counts), self.n_targets_, dtype=torch.float64)
        with one_thread(), torch.no_grad():
            for first, stop in _stretches(len(counts)):
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
        self.networks_ = [with_weights(tensors, number, self._describe) for number in range(learned["n_networks"])]


def _stretches(n_samples: int) -> list[tuple[int, int]]:
    return list(pairwise([*range(0, n_samples, _AT_ONCE), n_samples]))


def _squared_error(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return ((outputs - truth) ** 2).mean(1)

"""What networks that classify spike counts share; a network itself is all that its decoder adds."""

from abc import abstractmethod

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neuropipe.decoders.augmentation import Augmentation, Samples
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.devices import find_device, one_thread, out_of_memory_in_words
from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.inner_folds import inner_folds
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
from neuropipe.decoders.network_parts import Projected, build
from neuropipe.decoders.pooling import bin_edges, cumulate, pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.training import Part, Recipe, train

_FILE = "networks.safetensors"


class TorchDecoder(NetworkFits, CountsDecoder):
    """Networks on the leading principal components of coarse, scaled spike counts, several of them averaged.

    How long to train is learned inside the training trials: networks trained without one of n_inner_folds contiguous
    blocks are scored on it after every epoch, the epoch at which their mean log loss is lowest is where training
    on ALL trials stops. So no trial is given up for validation, which at 180 trials costs more than stopping gains.

    A subclass takes the parameters named here and says what its network is (`_network`).

    Steps of Adam are alike in size for every weight, so a thousand units, most of them noise, are learned by heart in a
    few epochs. As principal components, what many units share comes first, and most of the noise is left out.

    n_bins : equal bins that a trial is pooled into; scale_offset : c in (x - mean) / (sd + c x mean sd);
    n_components : leading principal components kept, both learned from the training trials; width : hidden units;
    dropout : of hidden units; unit_dropout, mixup : see Augmentation; time_jitter : by how many of the recording's bins
    a trial is shifted in training, at most; learning_rate, weight_decay, n_epochs, batch_size : see Recipe;
    label_smoothing : share of each label that is spread over the classes, by their frequencies; balanced : weigh
    classes equally, however rare; n_inner_folds : 0 trains for all n_epochs; n_seeds : networks averaged; seed : of
    every random number; device : "auto", "cpu" or "cuda"

    After `fit`: curves_ : learning curves (part, epoch, learning_rate, train_loss, validation_loss); n_epochs_.
    """

    @abstractmethod
    def _network(self, n_components: int, n_bins: int, n_classes: int) -> nn.Module:
        """A network from (trial, bin, component) to (trial, class) log odds, whose last layer is called `readout`."""

    def _learn(self, counts, labels):
        check_numbers(self)
        with one_thread(), out_of_memory_in_words():
            self._train(counts, labels)

    def _train(self, counts: np.ndarray, labels: np.ndarray) -> None:
        device = find_device(self.device)
        variants = self._prepare(counts)
        inputs = torch.from_numpy(variants).to(device)
        truth = nn.functional.one_hot(torch.from_numpy(labels), len(self.classes_)).float().to(device)
        augmentation = Augmentation(self.unit_dropout, self.mixup)
        recipe = Recipe(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(device, counts, labels)

        curves = []

        def fitted(part: Part, numbers: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(stream(self.seed, *numbers))
            network = build(self._describe, generator)
            with torch.no_grad():
                network.readout.bias.copy_(self._prior(part.train.targets).clamp_min(1e-3).log())
            loss = self._loss(part.train.targets)
            whole = Projected(self.components_.to(device), network)
            curves.extend(train(whole, part, recipe, loss, _log_loss, generator, checkpoints, self._report))
            return network

        samples = Samples(inputs, truth)
        folds = inner_folds(labels, self.n_inner_folds) if self.n_inner_folds else []
        self.n_epochs_ = epochs_by_folds(fitted, samples, folds, self.n_epochs, curves)
        self.networks_ = [
            for_prediction(fitted(Part(f"seed-{number}", self.n_epochs_, samples), (1, number)))
            for number in range(self.n_seeds)
        ]
        self.curves_ = curves_table(curves)

    def _describe(self) -> nn.Module:
        return self._network(self.components_.shape[1], len(self._edges()) - 1, len(self.classes_))

    def _loss(self, truth: torch.Tensor):
        """Cross-entropy with smoothed labels, where asked for with each class weighing the same.

        Labels are smoothed towards what is known without any spike (Pereyra et al. 2017) rather than towards equal
        classes, so that trials that say nothing are given the classes' frequencies.
        """
        weight = (
            len(truth) / (truth.shape[1] * truth.sum(0).clamp_min(1)) if self.balanced else torch.ones_like(truth[0])
        )
        blurred = self.label_smoothing * self._prior(truth)
        kept = 1 - self.label_smoothing

        def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return -(torch.log_softmax(outputs, 1) * (kept * targets + blurred)).sum(1) * (targets @ weight)

        return cross_entropy

    def _prior(self, truth: torch.Tensor) -> torch.Tensor:
        """What training starts from: class frequencies, or equal ones where classes are to weigh the same."""
        return torch.full_like(truth[0], 1 / truth.shape[1]) if self.balanced else truth.mean(0)

    # From counts to what networks see.

    def _edges(self) -> tuple[int, ...]:
        return bin_edges(self.n_bins_, (0.0, 1.0), self.n_bins)

    def _prepare(self, counts: np.ndarray) -> np.ndarray:
        """Learn scaling and components; training inputs (variant, trial, pooled bin, unit) float32."""
        edges, running = np.array(self._edges()), cumulate(counts)
        self.scaling_ = Scaling.learn(pool(running, edges).reshape(-1, counts.shape[2]), self.scale_offset)
        # A shift is a small change only to bins that are several times longer.
        jitter = self.time_jitter if np.diff(edges).min() > 2 * self.time_jitter else 0
        shifts = [0, *(sign * step for step in range(1, jitter + 1) for sign in (-1, 1))]
        variants = [self._scale(running, np.clip(edges + shift, 0, counts.shape[1])) for shift in shifts]
        self.components_ = leading_components(variants[0].reshape(-1, counts.shape[2]), self.n_components)
        return np.stack(variants).astype(np.float32)

    def _scale(self, running: np.ndarray, edges) -> np.ndarray:
        n_units = running.shape[2]
        rows = self.scaling_.apply(pool(running, edges).reshape(-1, n_units))
        return rows.reshape(len(running), -1, n_units)

    def _probabilities(self, counts):
        # In float64, so that a trial's probabilities don't depend on which others it is predicted with.
        inputs = torch.from_numpy(self._scale(cumulate(counts), self._edges()))
        with one_thread(), torch.no_grad():
            inputs = inputs @ self.components_.double()
            total = sum(torch.softmax(network(inputs), 1) for network in self.networks_)
        probability = total.numpy()
        return probability / probability.sum(axis=1, keepdims=True)

    def _write(self, folder):
        tensors = {"scaling.mean": torch.from_numpy(self.scaling_.mean)}
        tensors |= {"scaling.factor": torch.from_numpy(self.scaling_.factor), "components": self.components_}
        save_file(tensors | weights_of(self.networks_), folder / _FILE)
        return {"n_epochs": self.n_epochs_}

    def _read(self, folder, learned):
        tensors = load_file(folder / _FILE)
        self.n_epochs_ = learned["n_epochs"]
        self.scaling_ = Scaling(*(tensors.pop(f"scaling.{name}").numpy() for name in ("mean", "factor")))
        self.components_ = tensors.pop("components")
        self.networks_ = [with_weights(tensors, number, self._describe) for number in range(self.n_seeds)]


def leading_components(rows: np.ndarray, n_components: int) -> torch.Tensor:
    """(row, unit), centred -> (unit, component) float32 that turns rows into their components of largest variance.

    Components keep their relative variances, of mean 1, which is what networks start best from.
    """
    axes = PrincipalAxes(rows)
    if not axes.variance.sum() > 0:  # silence
        return torch.zeros(rows.shape[1], 1)
    kept = min(n_components, len(axes.variance))
    scale = np.sqrt(len(rows) / axes.variance[-kept:].mean())
    directions = axes.feature_weights(np.eye(len(axes.variance))[:, -kept:]) * scale
    return torch.from_numpy(np.ascontiguousarray(directions, dtype=np.float32))


def _log_loss(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(outputs, 1) * truth).sum(1)

"""What networks that classify spike counts share; a network itself is all that its decoder adds."""

import functools
from abc import abstractmethod
from itertools import cycle
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neuropipe.decoders.augmentation import Augmentation, Samples
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.devices import find_device, one_thread, out_of_memory_in_words
from neuropipe.decoders.inner_folds import InnerFold, inner_folds
from neuropipe.decoders.linear import rank_settings
from neuropipe.decoders.network_fits import (
    NetworkFits,
    check_numbers,
    curves_table,
    epochs_by_folds,
    for_prediction,
    named,
    stream,
    weights_of,
    with_weights,
)
from neuropipe.decoders.network_parts import Projected, build
from neuropipe.decoders.parameters import TrialWindows
from neuropipe.decoders.pooling import cumulate, distinct_poolings
from neuropipe.decoders.space import check_space
from neuropipe.decoders.training import Part, Recipe, train
from neuropipe.decoders.views import View

_FILE = "networks.safetensors"
_STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # penalties C of the regression that ranks views


class TorchDecoder(TrialWindows, NetworkFits, CountsDecoder):
    """Networks on the leading principal components of coarse, scaled spike counts, several of them averaged.

    How long to train is learned inside the training trials: networks trained without one of n_inner_folds contiguous
    blocks are scored on it after every epoch, the epoch at which their mean log loss is lowest is where training
    on ALL trials stops. So no trial is given up for validation, which at 180 trials costs more than stopping gains.

    A subclass declares the defaults that differ from those here and says what its network is (`_network`). One that
    reads units rather than components also says what it is shown (`view`) and how it is told the components (`_whole`).

    Steps of Adam are alike in size for every weight, so a thousand units, most of them noise, are learned by heart in a
    few epochs. As principal components, what many units share comes first, and most of the noise is left out.

    Which part of the trial to look at, how finely and in which scaling is chosen inside the training trials too: each
    of the averaged networks is shown one of the best views (see `_choose_views`).

    windows : parts of the trial, (start, stop) as fractions of it; n_bins : numbers of coarse bins that a window is cut
    into; offsets : c of the scaling (x - mean) / (sd + c x mean sd); n_components : leading principal components kept;
    width : hidden units; dropout : of hidden units; unit_dropout, mixup : see Augmentation; time_jitter : by how many
    of the recording's bins a trial is shifted in training, at most; learning_rate, weight_decay, n_epochs, batch_size :
    see Recipe; label_smoothing : share of each label that is spread over the classes, by their frequencies; balanced :
    weigh classes equally, however rare; n_inner_folds : 0 trains for all n_epochs; n_seeds : networks averaged, each of
    another view as far as there are several; seed : of every random number; device : "auto", "cpu" or "cuda"

    After `fit`: views_, the best first; n_epochs_; curves_, the learning curves (part, epoch, learning_rate,
    train_loss, validation_loss).
    """

    n_bins: tuple[int, ...] = (2, 4)
    width: int = 64
    dropout: float = 0.5
    offsets: tuple[float, ...] = (1.0, 30.0)
    n_components: int = 64
    unit_dropout: float = 0.3
    mixup: float = 0.0
    time_jitter: int = 1
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    balanced: bool = False
    n_epochs: int = 40
    batch_size: int = 32
    n_inner_folds: int = 4
    n_seeds: int = 5
    seed: int = 0
    device: str = "auto"

    view: ClassVar[type[View]] = View

    @abstractmethod
    def _network(self, n_components: int, n_bins: int, n_classes: int) -> nn.Module:
        """A network from (trial, bin, component) to (trial, class) log odds, whose last layer is called `readout`."""

    def _whole(self, network: nn.Module, components: torch.Tensor) -> nn.Module:
        """The network with what it needs to read what its view shows: most read principal components of it."""
        return Projected(components, network)

    def _learn(self, counts, labels):
        check_space(self, ("windows", "n_bins", "offsets"))
        check_numbers(self)
        with one_thread(), out_of_memory_in_words():
            self._train(counts, labels)

    def _train(self, counts: np.ndarray, labels: np.ndarray) -> None:
        device = find_device(self.device)
        running = cumulate(counts)
        truth = nn.functional.one_hot(torch.from_numpy(labels), len(self.classes_)).float().to(device)
        augmentation = Augmentation(self.unit_dropout, self.mixup)
        recipe = Recipe(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(device, counts, labels)
        curves = []

        def fitted(view: View, part: Part, numbers: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(stream(self.seed, *numbers))
            network = build(lambda: self._describe(view), generator)
            with torch.no_grad():
                network.readout.bias.copy_(self._prior(part.train.targets).clamp_min(1e-3).log())
            loss = self._loss(part.train.targets)
            whole = self._whole(network, view.components.to(device))
            curves.extend(train(whole, part, recipe, loss, _log_loss, generator, checkpoints, self._report))
            return network

        def samples(view: View) -> Samples:
            return Samples(torch.from_numpy(view.variants(running, self.time_jitter)).to(device), truth)

        folds = inner_folds(labels, self.n_inner_folds) if self.n_inner_folds else []
        self.views_ = self._choose_views(running, labels, folds)
        first = functools.partial(fitted, self.views_[0])
        self.n_epochs_ = epochs_by_folds(first, samples(self.views_[0]), folds, self.n_epochs, curves)
        self.networks_ = []
        for number, view in zip(range(self.n_seeds), cycle(self.views_), strict=False):
            part = Part(f"seed-{number}", self.n_epochs_, samples(view))
            self.networks_.append(for_prediction(fitted(view, part, (1, number))))
        self.curves_ = curves_table(curves)

    def _choose_views(self, running: np.ndarray, labels: np.ndarray, folds: list[InnerFold]) -> list[View]:
        """The views by which logistic regression predicts held-out training trials best, the best first.

        Ranking them by networks would take a hundred times as long.
        """
        poolings = distinct_poolings(running.shape[1] - 1, self.windows, self.n_bins)
        ranked = rank_settings(running, labels, folds, poolings, self.offsets, _STRENGTHS)
        best = ranked[: self.n_seeds]
        return [self.view.learn(running, each.edges, each.offset, self.n_components) for each in best]

    def _describe(self, view: View) -> nn.Module:
        return self._network(view.components.shape[1], len(view.edges) - 1, len(self.classes_))

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

    def _probabilities(self, counts):
        # In float64, so that a trial's probabilities don't depend on which others it is predicted with.
        running = cumulate(counts)
        total = 0
        with one_thread(), torch.no_grad():
            for network, view in zip(self.networks_, cycle(self.views_), strict=False):
                whole = self._whole(network, view.components.double())
                total = total + torch.softmax(whole(torch.from_numpy(view.show(running))), 1)
        probability = total.numpy()
        return probability / probability.sum(axis=1, keepdims=True)

    def _write(self, folder):
        tensors = {}
        for number, view in enumerate(self.views_):
            tensors |= {f"view.{number}.{name}": values for name, values in view.tensors().items()}
        save_file(tensors | weights_of(self.networks_), folder / _FILE)
        return {"n_epochs": self.n_epochs_, "edges": [view.edges for view in self.views_]}

    def _read(self, folder, learned):
        tensors = load_file(folder / _FILE)
        self.n_epochs_ = learned["n_epochs"]
        self.views_ = [
            self.view.read(tuple(edges), named(tensors, f"view.{number}."))
            for number, edges in enumerate(learned["edges"])
        ]
        self.networks_ = [
            with_weights(tensors, number, functools.partial(self._describe, view))
            for number, view in zip(range(self.n_seeds), cycle(self.views_), strict=False)
        ]


def _log_loss(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(outputs, 1) * truth).sum(1)

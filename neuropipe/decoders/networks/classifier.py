"""Base class of networks that classify spike counts. A subclass adds the network itself."""

import functools
from abc import abstractmethod
from itertools import cycle
from numbers import Real
from typing import ClassVar, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.utils._param_validation import Interval
from torch import nn

from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import InnerFold, inner_folds
from neuropipe.decoders.linear import rank_settings
from neuropipe.decoders.networks.augmentation import Augmentation, Samples
from neuropipe.decoders.networks.devices import clear_memory_errors, find_device, one_thread
from neuropipe.decoders.networks.features import ScaledFeatures
from neuropipe.decoders.networks.fitting import (
    NetworkFits,
    curves_table,
    epochs_by_folds,
    for_prediction,
    load_network,
    stream_seed,
    weights_of,
    with_prefix,
)
from neuropipe.decoders.networks.initialisation import build
from neuropipe.decoders.networks.layers import WithProjection
from neuropipe.decoders.networks.training import TrainingRun, TrainingSettings, train
from neuropipe.decoders.parameters import TrialWindows
from neuropipe.decoders.pooling import cumulate, distinct_poolings
from neuropipe.parameters import COUNT, COUNT_OR_ZERO, NOT_NEGATIVE, SHARE_BELOW_ONE, each_of

_FILE = "networks.safetensors"
_INVERSE_PENALTIES = (1.0, 4.0, 16.0, 64.0)  # C of the logistic regression that ranks features


class NetworkClassifier(TrialWindows, NetworkFits, CountsDecoder):
    """The average of several networks on the leading principal components of coarse, scaled spike counts.

    The number of epochs is learned inside the training trials: networks trained without one of n_inner_folds contiguous
    blocks are scored on it after every epoch. Training on ALL trials stops at the epoch where their mean log loss is
    lowest. So no trial is lost to validation, which at 180 trials would cost more than early stopping gains.

    A subclass implements `_network` and declares the defaults that differ from those here. A network that reads units
    instead of components also sets its features (`features`) and how it is given the components (`_with_components`).

    Why components: every weight takes steps of similar size with Adam, so a network of a thousand mostly uninformative
    units overfits in a few epochs. In principal components, what many units share comes first, and most of the noise is
    left out.

    Window, bin width and scaling are also chosen inside the training trials: each of the averaged networks has one of
    the best sets of features (see `_choose_features`).

    windows : parts of the trial, (start, stop) as fractions of it; n_bins : numbers of coarse bins that a window is cut
    into; offsets : c of the scaling (x - mean) / (sd + c x mean sd); n_components : leading principal components used;
    width : hidden units; dropout : of hidden units; unit_dropout, mixup : see Augmentation; time_jitter : largest shift
    of a trial in training, in the recording's bins; learning_rate, weight_decay, n_epochs, batch_size : see
    TrainingSettings; label_smoothing : share of each label that is spread over the classes by their frequencies;
    balanced : weigh classes equally, however rare; n_inner_folds : 0 trains for all n_epochs; n_seeds : networks
    averaged; seed : of all random numbers; device : "auto", "cpu" or "cuda"

    After `fit`: features_, the best first; n_epochs_; curves_, the learning curves (part, epoch, learning_rate,
    train_loss, validation_loss).
    """

    _parameter_constraints = {
        "n_bins": each_of(COUNT),
        "offsets": each_of(NOT_NEGATIVE),
        "n_components": [COUNT],
        "mixup": [Interval(Real, 0, 1, closed="both")],
        "time_jitter": [COUNT_OR_ZERO],
        "label_smoothing": [SHARE_BELOW_ONE],
        "balanced": ["boolean"],
    }

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

    features: ClassVar[type[ScaledFeatures]] = ScaledFeatures

    @abstractmethod
    def _network(self, n_components: int, n_bins: int, n_classes: int) -> nn.Module:
        """A network from (trial, bin, component) to (trial, class) log odds, with a last nn.Linear called `readout`."""

    def _with_components(self, network: nn.Module, components: torch.Tensor) -> nn.Module:
        """The network as it is applied to features: by default behind a projection on principal components."""
        return WithProjection(components, network)

    def _learn(self, counts, labels):
        with one_thread(), clear_memory_errors():
            self._train(counts, labels)

    def _train(self, counts: np.ndarray, labels: np.ndarray) -> None:
        device = find_device(self.device)
        running = cumulate(counts)
        truth = nn.functional.one_hot(torch.from_numpy(labels), len(self.classes_)).float().to(device)
        augmentation = Augmentation(self.unit_dropout, self.mixup)
        settings = TrainingSettings(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(device, counts, labels)
        curves = []

        def fit(features: ScaledFeatures, run: TrainingRun, numbers: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(stream_seed(self.seed, *numbers))
            network = build(lambda: self._make(features), generator)
            with torch.no_grad():
                cast(nn.Linear, network.readout).bias.copy_(self._prior(run.train.targets).clamp_min(1e-3).log())
            loss = self._loss(run.train.targets)
            applied = self._with_components(network, features.components.to(device))
            curves.extend(train(applied, run, settings, loss, _log_loss, generator, checkpoints, self._report))
            return network

        def samples(features: ScaledFeatures) -> Samples:
            return Samples(torch.from_numpy(features.shifted(running, self.time_jitter)).to(device), truth)

        folds = inner_folds(labels, self.n_inner_folds) if self.n_inner_folds else []
        self.features_ = self._choose_features(running, labels, folds)
        first = functools.partial(fit, self.features_[0])
        self.n_epochs_ = epochs_by_folds(first, samples(self.features_[0]), folds, self.n_epochs, curves)
        self.networks_ = []
        for number, features in zip(range(self.n_seeds), cycle(self.features_), strict=False):
            run = TrainingRun(f"seed-{number}", self.n_epochs_, samples(features))
            self.networks_.append(for_prediction(fit(features, run, (1, number))))
        self.curves_ = curves_table(curves)

    def _choose_features(self, running: np.ndarray, labels: np.ndarray, folds: list[InnerFold]) -> list[ScaledFeatures]:
        """The features from which logistic regression predicts held-out training trials best, the best first.

        Ranking them with networks would take a hundred times as long.
        """
        poolings = distinct_poolings(running.shape[1] - 1, self.windows, self.n_bins)
        ranked = rank_settings(running, labels, folds, poolings, self.offsets, _INVERSE_PENALTIES)
        best = ranked[: self.n_seeds]
        return [self.features.learn(running, each.edges, each.offset, self.n_components) for each in best]

    def _make(self, features: ScaledFeatures) -> nn.Module:
        return self._network(features.components.shape[1], len(features.edges) - 1, len(self.classes_))

    def _loss(self, truth: torch.Tensor):
        """Cross-entropy with smoothed labels; every class has the same weight if `balanced`.

        Labels are smoothed towards the class frequencies (Pereyra et al. 2017) rather than towards equal classes, so
        that the probabilities of an uninformative trial are the class frequencies.
        """
        weight = (
            len(truth) / (truth.shape[1] * truth.sum(0).clamp_min(1)) if self.balanced else torch.ones_like(truth[0])
        )
        smoothed = self.label_smoothing * self._prior(truth)
        kept = 1 - self.label_smoothing

        def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return -(torch.log_softmax(outputs, 1) * (kept * targets + smoothed)).sum(1) * (targets @ weight)

        return cross_entropy

    def _prior(self, truth: torch.Tensor) -> torch.Tensor:
        """Class probabilities that training starts from: the class frequencies, or equal ones if `balanced`."""
        return torch.full_like(truth[0], 1 / truth.shape[1]) if self.balanced else truth.mean(0)

    def _probabilities(self, counts):
        # In float64, so that a trial's probabilities do not depend on which trials it is predicted with.
        running = cumulate(counts)
        total = torch.zeros(len(counts), len(self.classes_), dtype=torch.float64)
        with one_thread(), torch.no_grad():
            for network, features in zip(self.networks_, cycle(self.features_), strict=False):
                applied = self._with_components(network, features.components.double())
                total = total + torch.softmax(applied(torch.from_numpy(features.transform(running))), 1)
        probability = total.numpy()
        return probability / probability.sum(axis=1, keepdims=True)

    def _write(self, folder):
        tensors = {}
        for number, features in enumerate(self.features_):
            tensors |= {f"view.{number}.{name}": values for name, values in features.tensors().items()}
        save_file(tensors | weights_of(self.networks_), folder / _FILE)
        return {"n_epochs": self.n_epochs_, "edges": [features.edges for features in self.features_]}

    def _read(self, folder, learned):
        tensors = load_file(folder / _FILE)
        self.n_epochs_ = learned["n_epochs"]
        self.features_ = [
            self.features.from_tensors(tuple(edges), with_prefix(tensors, f"view.{number}."))
            for number, edges in enumerate(learned["edges"])
        ]
        self.networks_ = [
            load_network(tensors, number, functools.partial(self._make, features), stream_seed(self.seed, 1, number))
            for number, features in zip(range(self.n_seeds), cycle(self.features_), strict=False)
        ]


def _log_loss(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(outputs, 1) * truth).sum(1)

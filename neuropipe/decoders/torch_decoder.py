"""What networks that classify spike counts share; a network itself is all that its decoder adds."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from neuropipe.decoders.augmentation import Augmentation, Samples
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.checkpoints import Checkpoints, fingerprint
from neuropipe.decoders.devices import find_device, one_thread, out_of_memory_in_words
from neuropipe.decoders.dual_logistic import PrincipalAxes
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.network_parts import Projected, build
from neuropipe.decoders.pooling import bin_edges, cumulate, pool
from neuropipe.decoders.scaling import Scaling
from neuropipe.decoders.training import Part, Recipe, train
from neuropipe.errors import BadInput

_FILE = "networks.safetensors"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Follow:
    """Who is told of every epoch, and where work in progress is kept."""

    on_epoch: Callable[[Mapping[str, Any]], None] | None = None
    checkpoints: Path | None = None


class TorchDecoder(CountsDecoder):
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

    _follow = _Follow()

    def follow(self, on_epoch: Callable[[Mapping[str, Any]], None] | None = None, checkpoints: Path | None = None):
        """Hand every row of the learning curves to `on_epoch` as it comes, and keep work in progress in a folder.

        A fit that was killed and is started again with the same data, parameters and folder goes on where it was and
        ends in the same decoder. The folder is the caller's to delete.
        """
        self._follow = _Follow(on_epoch, checkpoints)
        return self

    @abstractmethod
    def _network(self, n_components: int, n_bins: int, n_classes: int) -> nn.Module:
        """A network from (trial, bin, component) to (trial, class) log odds, whose last layer is called `readout`."""

    def _learn(self, counts, labels):
        self._check_parameters()
        with one_thread(), out_of_memory_in_words():
            self._train(counts, labels)

    def _train(self, counts: np.ndarray, labels: np.ndarray) -> None:
        device = find_device(self.device)
        variants = self._prepare(counts)
        inputs = torch.from_numpy(variants).to(device)
        truth = nn.functional.one_hot(torch.from_numpy(labels), len(self.classes_)).float().to(device)
        augmentation = Augmentation(self.unit_dropout, self.mixup)
        recipe = Recipe(self.n_epochs, self.batch_size, self.learning_rate, self.weight_decay, augmentation)
        checkpoints = self._checkpoints(counts, labels, device)
        curves = []

        def fitted(part: Part, stream: tuple[int, ...]) -> nn.Module:
            generator = torch.Generator(device).manual_seed(_seed(self.seed, *stream))
            network = build(self._describe, generator)
            with torch.no_grad():
                network.readout.bias.copy_(self._prior(part.train.targets).clamp_min(1e-3).log())
            loss = self._loss(part.train.targets)
            whole = Projected(self.components_.to(device), network)
            curves.extend(train(whole, part, recipe, loss, _log_loss, generator, checkpoints, self._report))
            return network

        samples = Samples(inputs, truth)
        folds = inner_folds(labels, self.n_inner_folds) if self.n_inner_folds else []
        for number, fold in enumerate(folds):
            split = [samples.take(torch.from_numpy(trials).to(device)) for trials in (fold.train, fold.validate)]
            fitted(Part(f"inner-{number}", self.n_epochs, *split), (0, number))
        weights = [len(fold.validate) for fold in folds]
        self.n_epochs_ = best_epoch(pd.DataFrame(curves), weights) if folds else self.n_epochs
        self.networks_ = [
            _for_prediction(fitted(Part(f"seed-{number}", self.n_epochs_, samples), (1, number)))
            for number in range(self.n_seeds)
        ]
        self.curves_ = pd.DataFrame(curves).astype({"validation_loss": float})

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

    def _report(self, row: Mapping[str, Any]) -> None:
        _log.debug("%s: %s", type(self).__name__, row)
        if self._follow.on_epoch:
            self._follow.on_epoch(row)

    def _checkpoints(self, counts: np.ndarray, labels: np.ndarray, device: torch.device) -> Checkpoints | None:
        if self._follow.checkpoints is None:
            return None
        parameters = self.get_params() | {"device": str(device)}
        facts = {"decoder": self.plugin_name, "parameters": parameters, "torch": torch.__version__}
        return Checkpoints(self._follow.checkpoints, fingerprint(facts, counts, labels))

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
        for number, network in enumerate(self.networks_):
            weights = network.state_dict()
            # Weights were learned in float32: nothing is lost.
            tensors |= {f"{number}.{name}": values.float().contiguous() for name, values in weights.items()}
        save_file(tensors, folder / _FILE)
        return {"n_epochs": self.n_epochs_}

    def _read(self, folder, learned):
        tensors = load_file(folder / _FILE)
        self.n_epochs_ = learned["n_epochs"]
        self.scaling_ = Scaling(*(tensors.pop(f"scaling.{name}").numpy() for name in ("mean", "factor")))
        self.components_ = tensors.pop("components")
        self.networks_ = []
        for number in range(self.n_seeds):
            with torch.device("meta"):
                network = self._describe()
            own = f"{number}."
            weights = {key.removeprefix(own): tensors[key] for key in tensors if key.startswith(own)}
            network.load_state_dict(weights, assign=True)
            self.networks_.append(_for_prediction(network))

    def _check_parameters(self) -> None:
        for name in ("n_bins", "n_components", "width", "n_epochs", "batch_size", "n_seeds"):
            _require(self, name, lambda value: value >= 1 and int(value) == value, "a whole number of at least 1")
        for name in ("n_inner_folds", "time_jitter", "seed"):
            _require(self, name, lambda value: value >= 0 and int(value) == value, "a whole number of at least 0")
        for name in ("dropout", "unit_dropout", "label_smoothing"):
            _require(self, name, lambda value: 0 <= value < 1, "a share from 0 to below 1")
        for name in ("weight_decay", "scale_offset"):
            _require(self, name, lambda value: 0 <= value < np.inf, "a finite number of at least 0")
        _require(self, "mixup", lambda value: 0 <= value <= 1, "a share from 0 to 1")
        _require(self, "learning_rate", lambda value: 0 < value < np.inf, "a finite number above 0")
        if self.n_inner_folds == 1:
            raise BadInput("n_inner_folds is 1, which leaves nothing to train on; give 0 (no early stopping) or >= 2")


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


def best_epoch(curves: pd.DataFrame, weights: list[int]) -> int:
    """The epoch at which the mean of the validation losses, over parts weighed by their trials, is lowest.

    One epoch's luck is not to decide, so losses are first averaged with their neighbours'.
    """
    losses = curves.pivot(index="part", columns="epoch", values="validation_loss").astype(float)
    mean = pd.Series(np.average(losses, axis=0, weights=weights), index=losses.columns)
    return int(mean.rolling(3, center=True, min_periods=1).mean().idxmin())


def _require(decoder: CountsDecoder, name: str, holds: Callable[[Any], bool], expected: str) -> None:
    value = getattr(decoder, name)
    if isinstance(value, str) or value is None or not holds(value):
        raise BadInput(f"{decoder.plugin_name}: {name} is {value!r}; expected {expected}")


def _log_loss(outputs: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return -(torch.log_softmax(outputs, 1) * truth).sum(1)


def _for_prediction(network: nn.Module) -> nn.Module:
    return network.cpu().double().eval().requires_grad_(False)


def _seed(*stream: int) -> int:
    """Independent streams of random numbers for every network."""
    return int(np.random.SeedSequence(stream).generate_state(1, np.uint64)[0] >> 1)

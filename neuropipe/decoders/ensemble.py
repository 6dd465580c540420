"""Several decoders as one: their probabilities averaged, with weights learned on held-out trials.

    p(class) = sum_m w_m p_m(class),    w_m >= 0,  sum w_m = 1

Stacked density estimation (Smyth & Wolpert 1999, Machine Learning 36:59; after Breiman 1996, Machine Learning 24:49):
the weights maximise the likelihood of held-out trials, with a Dirichlet prior that shrinks them towards 1 / M. A few
hundred trials can hardly rank good members, so the amount of shrinkage is also chosen on held-out blocks, with equal
weights among the choices.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuropipe.decoders import registry
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.errors import BadInput
from neuropipe.parameters import FOLDS, POSITIVE, Parameters, each_of
from neuropipe.registry import decoder

_MAX_STEPS, _TOLERANCE = 500, 1e-9
# Smallest probability of a member for the true class of a held-out trial: keeps log losses finite.
_SMALLEST_PROBABILITY = 1e-6


@decoder("ensemble", task="classification", input="counts", tools=("numpy",), members="members", slow=True)
class EnsembleDecoder(Parameters, CountsDecoder):
    """A weighted average of other decoders' probabilities; weights are learned on blocks of trials held out of fitting.

    Each of `n_inner_folds` contiguous blocks of training trials is held out in turn: every member is fitted on the
    other blocks, where it also makes its own choices, and predicts the block that was held out. These predictions give
    the weights (see `mixture_weights`). Then every member is fitted on all training trials.

    members : names of decoders of spike counts, used with their default parameters; shrinkages : amounts of shrinkage
    towards equal weights to try, in trials; equal weights are always tried; n_inner_folds : held-out blocks
    weights_ : (member,); shrinkage_ : the chosen amount; members_ : name -> fitted decoder
    """

    _parameter_constraints = {"members": each_of(str), "shrinkages": each_of(POSITIVE), "n_inner_folds": [FOLDS]}

    members: tuple[str, ...] = ("logistic_regression", "xgboost", "gru")
    shrinkages: tuple[float, ...] = (30.0, 100.0, 300.0)
    n_inner_folds: int = 4

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        members = [registry.make(name).__sklearn_tags__() for name in self.members]
        tags.input_tags.positive_only = any(member.input_tags.positive_only for member in members)
        return tags

    def _learn(self, counts, labels):
        plugins = {name: registry.get(name) for name in self.members}
        if len(plugins) < len(self.members) or any("members" in plugin.facts for plugin in plugins.values()):
            raise BadInput(f"members = {self.members}: name each decoder once, and no ensemble")
        n_classes = labels.max() + 1
        blocks = []
        for fold in inner_folds(labels, self.n_inner_folds):
            true = np.arange(len(fold.validate)), labels[fold.validate]
            held_out = [
                _all_classes(member, member.predict_proba(counts[fold.validate]), n_classes)[true]
                for member in (registry.make(name).fit(counts[fold.train], labels[fold.train]) for name in plugins)
            ]
            blocks.append(np.maximum(np.column_stack(held_out), _SMALLEST_PROBABILITY))
        self.shrinkage_ = choose_shrinkage(blocks, self.shrinkages)
        likelihoods = np.concatenate(blocks) if blocks else np.empty((0, len(plugins)))
        self.weights_ = mixture_weights(likelihoods, self.shrinkage_)
        self.members_ = {name: registry.make(name).fit(counts, labels) for name in plugins}

    def _probabilities(self, counts: np.ndarray) -> np.ndarray:
        each = [member.predict_proba(counts) for member in self.members_.values()]
        probability = np.tensordot(self.weights_, each, axes=1)
        return probability / probability.sum(axis=1, keepdims=True)

    def _write(self, folder: Path) -> dict:
        for name, member in self.members_.items():
            member.save(folder / name)
        return {"weights": self.weights_.tolist(), "shrinkage": repr(self.shrinkage_)}

    def _read(self, folder, learned):
        self.weights_ = np.array(learned["weights"])
        self.shrinkage_ = float(learned["shrinkage"])
        self.members_ = {name: registry.get(name).load().load(folder / name) for name in self.members}


def mixture_weights(likelihoods: np.ndarray, shrinkage: float) -> np.ndarray:
    """(member,) weights by expectation maximisation.

    likelihoods : (trial, member), probability that each member gave the true class of a held-out trial
    shrinkage : weight of the prior for equal weights, in trials; inf gives equal weights
    """
    n_trials, n_members = likelihoods.shape
    equal = np.full(n_members, 1 / n_members)
    if np.isinf(shrinkage):
        return equal
    weights = equal
    for _ in range(_MAX_STEPS):
        responsibilities = likelihoods * weights
        responsibilities /= responsibilities.sum(axis=1, keepdims=True)
        updated = (responsibilities.sum(axis=0) + shrinkage * equal) / (n_trials + shrinkage)
        change, weights = np.abs(updated - weights).max(), updated
        if change < _TOLERANCE:
            break
    return weights


def choose_shrinkage(blocks: Sequence[np.ndarray], shrinkages: Sequence[float]) -> float:
    """The shrinkage with the least log loss, each block predicted with weights learned on the other blocks.

    blocks : likelihoods (trial, member) of each inner fold. The strongest shrinkage wins ties; a single block gives
    equal weights.
    """
    tried = sorted({*shrinkages, np.inf}, reverse=True)
    if len(blocks) < 2:
        return tried[0]
    losses = [
        sum(
            -np.log(block @ mixture_weights(np.concatenate([*blocks[:held], *blocks[held + 1 :]]), shrinkage)).sum()
            for held, block in enumerate(blocks)
        )
        for shrinkage in tried
    ]
    return tried[int(np.argmin(losses))]


def _all_classes(member, probability, n_classes):
    """Probabilities of the classes that a member was fitted on -> of all classes, 0 for the others."""
    full = np.zeros((len(probability), n_classes))
    full[:, member.classes_] = probability
    return full

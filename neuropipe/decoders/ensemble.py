"""Several decoders as one: their probabilities averaged, with weights learned on trials that they had not seen."""

from pathlib import Path

import numpy as np

from neuropipe.decoders import registry
from neuropipe.decoders.base import CountsDecoder
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.space import check_space
from neuropipe.decoders.stacking import choose_shrinkage, mixture_weights
from neuropipe.errors import BadInput
from neuropipe.registry import decoder

# A member's share of a class that it had never seen, or ruled out, in a held-out trial: log losses stay finite.
_LEAST = 1e-6


@decoder("ensemble", task="classification", input="counts", tools=("numpy",), made_of="members", slow=True)
class EnsembleDecoder(CountsDecoder):
    """A weighted average of other decoders' probabilities; weights are learned on blocks of trials held out of fitting.

    Every member is fitted on the training trials without each of `n_inner_folds` contiguous blocks and predicts that
    block: its own choices are made inside what is left. From these predictions come the weights (see `stacking.py`);
    then every member is fitted on all training trials.

    members : names of decoders of spike counts, made with their default parameters; shrinkages : strengths tried of the
    pull towards equal shares, in trials; equal shares are always among the choices; n_inner_folds : held-out blocks
    weights_ : (member,); shrinkage_ : what was chosen; members_ : name -> fitted decoder
    """

    def __init__(
        self,
        *,
        members: tuple[str, ...] = ("logistic_regression", "xgboost", "gru"),
        shrinkages: tuple[float, ...] = (30.0, 100.0, 300.0),
        n_inner_folds: int = 4,
    ):
        self.members = members
        self.shrinkages = shrinkages
        self.n_inner_folds = n_inner_folds

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        members = [registry.make(name).__sklearn_tags__() for name in self.members]
        tags.input_tags.positive_only = any(member.input_tags.positive_only for member in members)
        return tags

    def _learn(self, counts, labels):
        check_space(self)
        plugins = {name: registry.get(name) for name in self.members}
        if not plugins or len(plugins) < len(self.members) or any("made_of" in p.facts for p in plugins.values()):
            raise BadInput(f"members = {self.members} can't be used: name at least one decoder, each once, no ensemble")
        n_classes = labels.max() + 1
        blocks = []
        for fold in inner_folds(labels, self.n_inner_folds):
            true = np.arange(len(fold.validate)), labels[fold.validate]
            held_out = [
                _spread(member, member.predict_proba(counts[fold.validate]), n_classes)[true]
                for member in (registry.make(name).fit(counts[fold.train], labels[fold.train]) for name in plugins)
            ]
            blocks.append(np.maximum(np.column_stack(held_out), _LEAST))
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


def _spread(member, probability, n_classes):
    """Probabilities of the classes that a member knows -> of all classes, 0 for the others."""
    every = np.zeros((len(probability), n_classes))
    every[:, member.classes_] = probability
    return every

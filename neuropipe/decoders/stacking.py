"""How much to trust each of several decoders: mixture weights from held-out trials, shrunk towards equal shares.

    p(class) = sum_m w_m p_m(class),    w_m >= 0,  sum w_m = 1

Stacked density estimation (Smyth & Wolpert 1999, Machine Learning 36:59; after Breiman 1996, Machine Learning 24:49):
the weights maximise the likelihood of held-out trials, with a Dirichlet prior that holds them near 1 / M. A few hundred
trials can hardly tell good members apart, so how strong the prior is gets chosen on held-out blocks as well, with equal
shares among the choices.
"""

from collections.abc import Sequence

import numpy as np

_MOST_STEPS, _CHANGE = 500, 1e-9


def mixture_weights(likelihoods: np.ndarray, shrinkage: float) -> np.ndarray:
    """(member,) weights by expectation maximisation.

    likelihoods : (trial, member), probability that each member gave the true class of a held-out trial
    shrinkage : trials' worth of equal shares added to the data; inf leaves equal shares
    """
    n_trials, n_members = likelihoods.shape
    equal = np.full(n_members, 1 / n_members)
    if np.isinf(shrinkage):
        return equal
    weights = equal
    for _ in range(_MOST_STEPS):
        shares = likelihoods * weights
        shares /= shares.sum(axis=1, keepdims=True)
        updated = (shares.sum(axis=0) + shrinkage * equal) / (n_trials + shrinkage)
        change, weights = np.abs(updated - weights).max(), updated
        if change < _CHANGE:
            break
    return weights


def choose_shrinkage(blocks: Sequence[np.ndarray], shrinkages: Sequence[float]) -> float:
    """The shrinkage whose weights, learned on all blocks but one, give that block the least log loss.

    blocks : likelihoods (trial, member) of each inner fold. Of equals the strongest; equal shares for a single block.
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

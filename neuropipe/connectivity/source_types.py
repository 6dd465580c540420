"""Probability that pairs are connected, when each source either excites or inhibits all of its targets (Dale's law)."""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

_NODES = np.linspace(-2.5, 2.5, 15)  # of log amplitudes, in standard deviations from their mean
_LOG_SHARES = -(_NODES**2) / 2 - logsumexp(-(_NODES**2) / 2)
_STRONG = 4.5  # z-scores beyond it start the estimate
_PROBABILITY = (0.005, 0.5)
_INHIBITORY = (0.02, 0.6)
_SPREAD = (0.3, 1.3)
_FEW = 3.0  # connections of a kind, below which its amplitudes are not estimated anew


class Kind(NamedTuple):
    """Connections of one kind of source: their probability, and mean and SD of the log amplitude."""

    probability: float
    mean: float
    spread: float


class TypedOdds(NamedTuple):
    """log_odds : (source, target) that the pair is connected; inhibitory : (source,) probability that it inhibits"""

    log_odds: np.ndarray
    inhibitory: np.ndarray
    excitation: Kind
    inhibition: Kind


def typed_odds(z_scores: np.ndarray, errors: np.ndarray, *, n_iterations: int = 20) -> TypedOdds:
    """Empirical Bayes: a mixture model of all z-scores, fitted by expectation maximisation.

    z_scores, errors : (source, target), the diagonal is not read; amplitudes are z_scores * errors

    A source is inhibitory with one probability for all. Given its type, each of its pairs is connected with a
    probability, and then its amplitude has the sign of the type and a log-normal size, measured with the pair's error;
    else the z-score is standard normal. All parameters are estimated, none is given.
    """
    off = ~np.eye(len(z_scores), dtype=bool)
    kinds = [_start(sign * z_scores[off], (z_scores * errors)[off] * sign, errors[off]) for sign in (1, -1)]
    inhibitory_share = 0.25
    null = -(z_scores**2) / 2
    for iteration in range(n_iterations):
        terms = [_connected(sign * z_scores, errors, kind) for sign, kind in zip((1, -1), kinds, strict=True)]
        connected = [logsumexp(term, axis=2) for term in terms]
        either = [
            np.logaddexp(np.log1p(-kind.probability) + null, np.log(kind.probability) + log)
            for kind, log in zip(kinds, connected, strict=True)
        ]
        evidence = [np.where(off, log, 0.0).sum(axis=1) for log in either]
        log_ratio = evidence[1] - evidence[0] + np.log(inhibitory_share / (1 - inhibitory_share))
        inhibitory = 1 / (1 + np.exp(-np.clip(log_ratio, -500, 500)))
        given = [
            np.log(kind.probability) + log - total for kind, log, total in zip(kinds, connected, either, strict=True)
        ]
        if iteration == n_iterations - 1:
            break
        kinds = [
            _updated(kind, of_type, np.exp(share) * off, term, log, off)
            for kind, of_type, share, term, log in zip(
                kinds, (1 - inhibitory, inhibitory), given, terms, connected, strict=True
            )
        ]
        inhibitory_share = float(np.clip(inhibitory.mean(), *_INHIBITORY))
    log_odds = _log_odds(kinds, connected, null, log_ratio)
    np.fill_diagonal(log_odds, -np.inf)
    return TypedOdds(log_odds, inhibitory, *kinds)


def _start(aligned: np.ndarray, amplitudes: np.ndarray, errors: np.ndarray) -> Kind:
    strong = aligned > _STRONG
    typical = np.median(amplitudes[strong]) if strong.any() else 4 * np.median(errors)
    return Kind(0.08, float(np.log(typical)) - 0.5, 0.8)


def _connected(aligned: np.ndarray, errors: np.ndarray, kind: Kind) -> np.ndarray:
    """(source, target, node) log of: the share of a node times the density of the z-score, up to its constant."""
    expected = np.exp(kind.mean + kind.spread * _NODES) / errors[:, :, None]
    return _LOG_SHARES - (aligned[:, :, None] - expected) ** 2 / 2


def _updated(
    kind: Kind, of_type: np.ndarray, share: np.ndarray, term: np.ndarray, connected: np.ndarray, off: np.ndarray
) -> Kind:
    found = of_type[:, None] * share
    total = found.sum()
    probability = float(np.clip(total / max((of_type[:, None] * off).sum(), 1e-9), *_PROBABILITY))
    if total <= _FEW:
        return Kind(probability, kind.mean, kind.spread)
    per_node = np.einsum("ijq,ij->q", np.exp(term - connected[:, :, None]), found) / total
    logs = kind.mean + kind.spread * _NODES
    mean = float(per_node @ logs)
    spread = float(np.clip(np.sqrt(per_node @ (logs - mean) ** 2), *_SPREAD))
    return Kind(probability, mean, spread)


def _log_odds(kinds: list[Kind], connected: list[np.ndarray], null: np.ndarray, log_ratio: np.ndarray) -> np.ndarray:
    """Log of P(connected) / P(not), over both types of the source. log_ratio : (source,) log odds of inhibition"""
    log_types = [-np.logaddexp(0, log_ratio), -np.logaddexp(0, -log_ratio)]
    yes, no = (
        np.logaddexp(*parts)
        for parts in (
            [
                log_type[:, None] + _posterior(kind, log, null, wanted)
                for kind, log, log_type in zip(kinds, connected, log_types, strict=True)
            ]
            for wanted in (True, False)
        )
    )
    return yes - no


def _posterior(kind: Kind, connected: np.ndarray, null: np.ndarray, wanted: bool) -> np.ndarray:
    """Log probability of being connected (or not), given the type."""
    yes, no = np.log(kind.probability) + connected, np.log1p(-kind.probability) + null
    return (yes if wanted else no) - np.logaddexp(yes, no)

"""Communication subspace: through how many dimensions one area's fluctuations predict those of another.

Semedo, Zandvakili, Machens, Yu and Kohn 2019, Neuron 102:249. Two areas may share many dimensions or few; fewer than
within an area suggest that they talk through a subspace. Both directions use the same moments in time, so that neither
says who drives whom.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.reduced_rank import RIDGES, Decomposed, Moments
from neuropipe.errors import BadInput

COLUMNS = [
    "source_area",
    "target_area",
    "rank",
    "rank_low",
    "rank_high",
    "r2",
    "r2_low",
    "r2_high",
    "r2_full",
    "n_sources",
    "n_targets",
    "n_trials",
]
PIECES = 100  # that a recording without trials is cut into
N_RESAMPLES = 1000

Pairs = Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]  # (source area, target area) -> units of both


def communication_subspace(
    data: ConnectivityData,
    areas: np.ndarray,
    *,
    bin_width: float = 0.1,
    n_folds: int = 5,
    most_ranks: int = 12,
    fewest_units: int = 20,
    most_units: int = 40,
    seed: int = 0,
) -> pd.DataFrame:
    """A row per ordered pair of areas: rank of what they share, and R2 of reduced-rank regression on held-out trials.

    areas : (unit,) names. Areas with fewer than `fewest_units` units that fire are left out; of the others `most_units`
    are drawn at most. Within an area one half of the drawn units predicts the other. Compare ranks and R2 of
    populations of equal size only: n_sources, n_targets.
    bin_width : s; data come in trials (segments), else in 100 pieces of time

    Activity is z-scored, and the mean response over training trials of the same label (all, without labels) is
    subtracted: what is predicted is the fluctuation from trial to trial. Folds are n_folds contiguous blocks of trials.
    Scaling, mean responses, ridge and rank are chosen within the training trials of each fold, by folds of their own.

    rank       smallest whose error over all folds is within one SE of the least, 0 if nothing is predicted; the ridge
               is chosen by the full rank. rank_low, rank_high: range of what the training trials of each fold chose
    r2         1 - squared error / squared deviation, over all targets, at the rank and ridge chosen in training, with
               a 95 % interval by bootstrap over trials; r2_full : of ridge regression of full rank
    """
    areas = np.asarray(areas).astype(str)
    if len(areas) != data.n_units:
        raise BadInput(f"one area per unit is needed: found {len(areas)} areas and {data.n_units} units")
    activity = _Trials.of(data, bin_width)
    n_trials = len(activity.labels)
    if n_trials < 4 * n_folds:
        raise BadInput(
            f"{n_trials} trials are too few for {n_folds} folds within {n_folds} folds; at least {4 * n_folds} are "
            "needed"
        )
    pairs = _pairs(areas, np.asarray(data.n_events) >= 10, fewest_units, most_units, seed)
    if not pairs:
        raise BadInput(f"no area has {fewest_units} units that fire; lower fewest_units")
    trials = np.arange(n_trials)
    rank = {pair: chosen[0] for pair, chosen in _chosen(activity, trials, pairs, n_folds, most_ranks).items()}
    ranks: dict[tuple[str, str], list[int]] = {pair: [] for pair in pairs}
    errors = {pair: np.zeros((3, n_trials)) for pair in pairs}  # of the rank, of the full rank, of the mean
    for training, test in _blocks(trials, n_folds):
        learned, new, trial_of = activity.fluctuations(training, test)
        products = learned.T @ learned
        for pair, (own_rank, ridge) in _chosen(activity, training, pairs, n_folds, most_ranks).items():
            sources, targets = pairs[pair]
            fit = Decomposed(products[np.ix_(sources, sources)], products[np.ix_(sources, targets)]).solve(ridge)
            ranks[pair].append(own_rank)
            truth = new[:, targets]
            for row, predicted in enumerate((fit.predict(new[:, sources], own_rank), fit.predict(new[:, sources]), 0)):
                wrong = ((truth - predicted) ** 2).sum(axis=1)
                errors[pair][row] += np.bincount(trial_of, weights=wrong, minlength=n_trials)
    rows = []
    for pair, (sources, targets) in pairs.items():
        sizes = len(sources), len(targets), n_trials
        rows.append((*pair, rank[pair], min(ranks[pair]), max(ranks[pair]), *_explained(errors[pair], seed), *sizes))
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class _Trials:
    """counts : (trial, bin, unit), NaN behind the end of a short trial; labels : (trial,) codes"""

    counts: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, data: ConnectivityData, bin_width: float) -> "_Trials":
        binned = data.binned(bin_width)
        assert binned.counts is not None
        edges = binned.segment_edges
        if len(edges) == 2:
            edges = np.unique(np.linspace(0, len(binned.counts), PIECES + 1).astype(np.int64))
        labels = np.zeros(len(edges) - 1, np.int64)
        if binned.labels is not None and len(binned.labels) == len(labels):
            _, labels = np.unique(np.asarray(binned.labels), return_inverse=True)
        counts = np.full((len(labels), int(np.diff(edges).max()), data.n_units), np.nan)
        for trial, (first, last) in enumerate(pairwise(edges)):
            counts[trial, : last - first] = binned.counts[first:last]
        return cls(counts, labels)

    def fluctuations(self, training: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Residuals (sample, unit) of the training and the test trials, in SDs of the training trials; and the trial of
        each test sample.

        The mean response of a label that has fewer than two training trials is that of all.
        """
        recorded = np.isfinite(self.counts[:, :, :1])
        filled = np.where(recorded, self.counts, 0.0)
        total = filled[training].sum(axis=0)
        response = np.repeat(
            (total / np.maximum(recorded[training].sum(axis=0), 1))[None], self.labels.max() + 1, axis=0
        )
        for label in np.unique(self.labels[training]):
            own = training[self.labels[training] == label]
            n = recorded[own].sum(axis=0)
            response[label] = np.where(n >= 2, filled[own].sum(axis=0) / np.maximum(n, 1), response[label])
        parts = [(self.counts[part] - response[self.labels[part]])[recorded[part, :, 0]] for part in (training, test)]
        centre, spread = parts[0].mean(axis=0), parts[0].std(axis=0)
        spread[spread == 0] = np.inf  # a unit that is silent in training says nothing
        trial_of = np.repeat(test, recorded[test, :, 0].sum(axis=1))
        return (parts[0] - centre) / spread, (parts[1] - centre) / spread, trial_of


def _pairs(areas: np.ndarray, firing: np.ndarray, fewest: int, most: int, seed: int) -> Pairs:
    """Units drawn from each area; within an area, one half and the other."""
    drawn = {}
    for at, area in enumerate(np.unique(areas)):
        units = np.flatnonzero((areas == area) & firing)
        if len(units) >= fewest:
            drawn[str(area)] = np.random.default_rng([seed, at]).permutation(units)[:most]
    return {
        (source, target): (own, other) if source != target else (own[: len(own) // 2], own[len(own) // 2 :])
        for source, own in drawn.items()
        for target, other in drawn.items()
    }


def _blocks(trials: np.ndarray, n_folds: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test trials of each fold of contiguous blocks."""
    for block in np.array_split(np.arange(len(trials)), n_folds):
        yield np.delete(trials, block), trials[block]


def _chosen(
    activity: _Trials, trials: np.ndarray, pairs: Pairs, n_folds: int, most: int
) -> dict[tuple[str, str], tuple[int, float]]:
    """Rank and ridge of each pair by folds within these trials.

    The ridge of the least error of the full rank; then the smallest rank whose error, relative to that of the mean, is
    within one SE over folds of the least.
    """
    scores: dict[tuple[str, str], list[np.ndarray]] = {pair: [] for pair in pairs}
    for training, test in _blocks(trials, n_folds):
        learned, new, _ = activity.fluctuations(training, test)
        products, of_new = learned.T @ learned, new.T @ new
        for pair, (sources, targets) in pairs.items():
            within, across = np.ix_(sources, sources), np.ix_(sources, targets)
            moments = Moments(of_new[within], of_new[across], float(of_new[targets, targets].sum()))
            decomposed = Decomposed(products[within], products[across])
            errors = np.stack([decomposed.solve(ridge).errors(moments) for ridge in RIDGES])
            scores[pair].append(errors / moments.targets)
    chosen = {}
    for pair, folds in scores.items():
        errors = np.stack(folds)  # (fold, ridge, rank)
        ridge = int(errors[:, :, -1].mean(axis=0).argmin())
        of_rank = errors[:, ridge, : most + 1]
        mean = of_rank.mean(axis=0)
        best = int(mean.argmin())
        error = float(of_rank[:, best].std(ddof=1) / np.sqrt(n_folds))
        chosen[pair] = int(np.flatnonzero(mean <= mean[best] + error)[0]), RIDGES[ridge]
    return chosen


def _explained(errors: np.ndarray, seed: int) -> tuple[float, float, float, float]:
    """r2, r2_low, r2_high, r2_full. errors : (3, trial) of the rank, of the full rank and of the mean"""
    n_trials = errors.shape[1]
    drawn = np.random.default_rng(seed).multinomial(n_trials, np.full(n_trials, 1 / n_trials), N_RESAMPLES)
    reduced, full, mean = errors.sum(axis=1)
    resampled = 1 - (drawn @ errors[0]) / (drawn @ errors[2])
    value, half = float(1 - reduced / mean), 1.96 * float(resampled.std(ddof=1))
    return value, value - half, value + half, float(1 - full / mean)

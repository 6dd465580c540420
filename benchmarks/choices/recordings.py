"""Tasks on which defaults are chosen: recordings without the one whose choices are decoded, and simulated sessions.

Five sessions of Steinmetz et al. 2019 (4, 8, 12, 15 and 18 of the published R files: three mice, none of them Cori;
session 3 is Cori 2016-12-18 and is left out). Two labels each: feedback (reward or not) and which side had the higher
contrast (left, right, equal). Five contiguous folds with a gap of one trial.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from neuropipe import decoders, simulate
from neuropipe.binning import bin_spikes

SESSIONS = (4, 8, 12, 15, 18)
FILES = "raw.githubusercontent.com/anthonysurkov/sta141a/788fa152a5bf9883d5bffcade747e6ba10c1d460/Data/session{}.rds"

SIMULATED = {"n_trials": 230, "n_units": 600, "decision_fraction": 0.05, "stimulus_fraction": 0.03}
SIMULATED |= {"decision_gain": 0.4, "baseline_rate": 2.0, "excitability_sd": 0.5}
SIMULATED |= {"lapse": 0.05, "noise": 1.8, "drift_rate": 3.0}


def recorded(sessions: tuple[int, ...] = SESSIONS) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, counts (trial, bin, unit) and class codes of every session and label."""
    import rdata

    for session in sessions:
        facts = rdata.read_rds(Path(os.environ["NEUROPIPE_MIRROR"]) / FILES.format(session))
        counts = np.stack([np.asarray(trial) for trial in facts["spks"]]).transpose(0, 2, 1).astype(np.uint8)
        yield f"{session} feedback", counts, _codes(facts["feedback_type"])
        contrast = np.ravel(facts["contrast_left"]) - np.ravel(facts["contrast_right"])
        yield f"{session} side", counts, _codes(np.sign(contrast))


def simulated() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for seed in (31, 32):
        recording = simulate.drift_diffusion(seed=seed, **SIMULATED)
        spikes, starts = recording.spikes, recording.trials["response"].to_numpy() - 1.0
        counts = bin_spikes(spikes.times, spikes.offsets, starts, 0.02, 50)
        yield f"simulated {seed}", counts, _codes(recording.trials["choice"].to_numpy())


def _codes(labels: np.ndarray) -> np.ndarray:
    """(trial,) 0, 1, ... in the order of the labels"""
    return np.unique(np.ravel(labels), return_inverse=True)[1]


def outer_folds(n_trials: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for block in np.array_split(np.arange(n_trials), 5):
        yield np.setdiff1d(np.arange(n_trials), np.arange(block[0] - 1, block[-1] + 2)), block


def score(probability: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    true = np.maximum(probability[np.arange(len(labels)), labels], 1e-12)
    return -np.log(true).mean(), (probability.argmax(axis=1) == labels).mean()


def fitted_scores(
    name: str, counts: np.ndarray, labels: np.ndarray, variants: list[dict], *, folds: Sequence[int] = range(5)
) -> np.ndarray:
    """(variant, fold, [log loss, accuracy]) of a decoder that makes all its inner choices itself."""
    every = list(outer_folds(len(labels)))
    scores = []
    for variant in variants:
        of_folds = []
        for train, test in (every[number] for number in folds):
            fitted = decoders.make(name, **variant).fit(counts[train], labels[train])
            probability = np.zeros((len(test), labels.max() + 1))
            probability[:, fitted.classes_] = fitted.predict_proba(counts[test])
            of_folds.append(score(probability, labels[test]))
        scores.append(of_folds)
    return np.array(scores)

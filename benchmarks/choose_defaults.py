"""How the decoders' defaults were chosen: log loss and accuracy on recordings other than the ones they are reported on.

    NEUROPIPE_MIRROR=... python -m benchmarks.choose_defaults [xgboost | logistic_regression | gru | svm | ...]

Five sessions of Steinmetz et al. 2019 (4, 8, 12, 15 and 18 of the published R files: three mice, none of them Cori;
session 3 is Cori 2016-12-18 and is left out). Two labels each: feedback (reward or not) and which side had the higher
contrast (left, right, equal). Five contiguous folds with a gap of one trial. Every variant is printed with its mean
over the ten tasks, and with the log loss of each.

Networks: sessions 8, 12 and 18, and two simulated sessions of decisions seen in the second before the response; the
whole procedure with all its inner choices, on two of the five folds.
"""

import functools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import choose_calibrated, choose_ensemble
from neuropipe import decoders, simulate
from neuropipe.binning import bin_spikes
from neuropipe.decoders.dual_logistic import PrincipalAxes, softmax, solve
from neuropipe.decoders.inner_folds import inner_folds
from neuropipe.decoders.linear import inner_losses
from neuropipe.decoders.pooling import cumulate, distinct_poolings, pool
from neuropipe.decoders.scaling import Scaling

SESSIONS = (4, 8, 12, 15, 18)
FILES = "raw.githubusercontent.com/anthonysurkov/sta141a/788fa152a5bf9883d5bffcade747e6ba10c1d460/Data/session{}.rds"

DYADIC = ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
END, MIDDLE = (0.875, 1.0), (0.25, 0.75)
LINEAR = {"windows": (*DYADIC, END), "n_bins": (1, 2, 4), "offsets": (0.0, 1.0, 30.0), "n_averaged": 8}
LINEAR |= {"strengths": (0.25, 1.0, 4.0, 16.0, 64.0)}
WIDEST = {
    "windows": (*LINEAR["windows"], MIDDLE),
    "offsets": (0.0, 0.3, 1.0, 30.0),
    "strengths": (*LINEAR["strengths"], 256.0),
}
LINEAR_VARIANTS = [
    *({"n_averaged": k} for k in (1, 3, 5, 8, 10, 15, 30)),
    *({"windows": w} for w in (DYADIC[:1], DYADIC[:3], DYADIC, WIDEST["windows"])),
    *({"n_bins": n} for n in ((1,), (1, 2), (4,))),
    *({"offsets": c} for c in ((0.0,), (0.3,), (1.0,), (30.0,), (0.0, 30.0), (0.3, 30.0), WIDEST["offsets"])),
    *({"strengths": c} for c in ((1.0, 4.0, 16.0), (1.0, 4.0, 16.0, 64.0), WIDEST["strengths"])),
    {"windows": DYADIC[:1], "n_bins": (1,), "offsets": (0.0,), "n_averaged": 1},
    {"windows": DYADIC[:1], "n_bins": (1,), "offsets": (1.0,), "n_averaged": 1},
]

TREES_VARIANTS = [
    *({"n_bins": n} for n in ((1, 2, 4, 8), (1, 2, 4), (4,), (8,))),
    *({"n_bins": (8,), "n_rounds": n} for n in (75, 300)),
    *({"n_bins": (8,), "feature_fraction": share} for share in (0.03, 0.3)),
    {"n_bins": (8,), "max_depth": 3},
    {"n_bins": (8,), "trial_fraction": 1.0},
    {"n_bins": (8,), "n_rounds": 300, "leaf_penalty": 10.0},
]

# One change at a time from the defaults.
NETWORK_VARIANTS = [
    {},
    {"windows": ((0.0, 1.0),), "n_bins": (5,), "offsets": (1.0,)},
    {"n_bins": (1, 2, 4), "offsets": (0.0, 1.0, 30.0)},
    {"n_bins": (4, 8)},
    {"n_components": 32},
    {"n_components": 200},
    {"n_seeds": 10},
    {"unit_dropout": 0.6},
    {"dropout": 0.2},
    {"width": 128},
    {"learning_rate": 0.002},
    {"label_smoothing": 0.0},
]
NETWORKS = ("rnn", "gru", "lstm", "mlp", "cnn", "transformer", "token_transformer")
NETWORKS += ("spatiotemporal_transformer", "spike_transformer")
NETWORK_SESSIONS, NETWORK_FOLDS = (8, 12, 18), (1, 3)
SIMULATED = {"n_trials": 230, "n_units": 600, "decision_fraction": 0.05, "stimulus_fraction": 0.03}
SIMULATED |= {"decision_gain": 0.4, "baseline_rate": 2.0, "excitability_sd": 0.5}
SIMULATED |= {"lapse": 0.05, "noise": 1.8, "drift_rate": 3.0}


def recorded(sessions: tuple[int, ...] = SESSIONS) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, counts (trial, bin, unit) and labels of every session x label."""
    import rdata

    for session in sessions:
        facts = rdata.read_rds(Path(os.environ["NEUROPIPE_MIRROR"]) / FILES.format(session))
        counts = np.stack([np.asarray(trial) for trial in facts["spks"]]).transpose(0, 2, 1).astype(np.uint8)
        yield f"{session} feedback", counts, np.ravel(facts["feedback_type"]).astype(int)
        contrast = np.ravel(facts["contrast_left"]) - np.ravel(facts["contrast_right"])
        yield f"{session} side", counts, np.sign(contrast).astype(int)


def simulated() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for seed in (31, 32):
        recording = simulate.drift_diffusion(seed=seed, **SIMULATED)
        spikes, starts = recording.spikes, recording.trials["response"].to_numpy() - 1.0
        counts = bin_spikes(spikes.times, spikes.offsets, starts, 0.02, 50)
        yield f"simulated {seed}", counts, recording.trials["choice"].to_numpy()


def recorded_and_simulated() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    yield from recorded(NETWORK_SESSIONS)
    yield from simulated()


def outer_folds(n_trials: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for block in np.array_split(np.arange(n_trials), 5):
        yield np.setdiff1d(np.arange(n_trials), np.arange(block[0] - 1, block[-1] + 2)), block


def score(probability: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    true = np.maximum(probability[np.arange(len(labels)), labels], 1e-12)
    return -np.log(true).mean(), (probability.argmax(axis=1) == labels).mean()


def fitted_scores(name: str, counts: np.ndarray, labels: np.ndarray, variants: list[dict]) -> np.ndarray:
    """(variant, fold, [log loss, accuracy]) of a decoder that chooses for itself whatever a variant leaves open."""
    folds = list(outer_folds(len(labels)))
    scores = []
    for variant in variants:
        of_folds = []
        for number in NETWORK_FOLDS if name in NETWORKS else range(len(folds)):
            train, test = folds[number]
            fitted = decoders.make(name, **variant).fit(counts[train], labels[train])
            probability = np.zeros((len(test), labels.max() + 1))
            probability[:, fitted.classes_] = fitted.predict_proba(counts[test])
            of_folds.append(score(probability, labels[test]))
        scores.append(of_folds)
    return np.array(scores)


def linear_scores(counts: np.ndarray, labels: np.ndarray, variants: list[dict]) -> np.ndarray:
    """The same for logistic regression; everything that any variant tries is fitted once and shared."""
    running, n_classes = cumulate(counts), labels.max() + 1
    poolings = distinct_poolings(counts.shape[1], WIDEST["windows"], LINEAR["n_bins"])
    scores = []
    for train, test in outer_folds(len(labels)):
        folds = inner_folds(labels[train], 4)
        tried = {}
        for edges in poolings:
            rows = pool(running, edges)
            for offset in WIDEST["offsets"]:
                (losses,) = inner_losses(rows[train], labels[train], folds, offset, WIDEST["strengths"])
                scaling = Scaling.learn(rows[train], offset)
                axes = PrincipalAxes(scaling.apply(rows[train]))
                weights, intercepts = solve(axes, labels[train], WIDEST["strengths"], n_classes=n_classes)
                tried[edges, offset] = (
                    losses,
                    softmax(axes.rotate(scaling.apply(rows[test])) @ weights + intercepts[:, None]),
                )
        scores.append([score(_averaged(tried, counts.shape[1], variant), labels[test]) for variant in variants])
    return np.swapaxes(scores, 0, 1)


def _averaged(tried: dict, n_bins: int, variant: dict) -> np.ndarray:
    space = LINEAR | variant
    strengths = [WIDEST["strengths"].index(strength) for strength in space["strengths"]]
    best = []
    for edges in distinct_poolings(n_bins, space["windows"], space["n_bins"]):
        for offset in space["offsets"]:
            losses, probability = tried[edges, offset]
            chosen = min(strengths, key=lambda number: losses[number])
            best.append((losses[chosen], probability[chosen]))
    best.sort(key=lambda pair: pair[0])
    return np.mean([probability for _, probability in best[: space["n_averaged"]]], axis=0)


STUDIES = {
    "xgboost": (recorded, functools.partial(fitted_scores, "xgboost"), TREES_VARIANTS),
    "logistic_regression": (recorded, linear_scores, LINEAR_VARIANTS),
    **{
        name: (recorded, choose_calibrated.scores_of(name, outer_folds, score), variants)
        for name, variants in choose_calibrated.VARIANTS.items()
    },
    "ensemble": (
        functools.partial(recorded, NETWORK_SESSIONS),
        choose_ensemble.scores_of(outer_folds, score),
        choose_ensemble.VARIANTS,
    ),
    **{name: (recorded_and_simulated, functools.partial(fitted_scores, name), NETWORK_VARIANTS) for name in NETWORKS},
}


def main() -> None:
    for name in sys.argv[1:] or STUDIES:
        tasks, scores_of, variants = STUDIES[name]
        table, names = [], []
        for task, counts, labels in tasks():
            table.append(scores_of(counts, np.unique(labels, return_inverse=True)[1], variants).mean(axis=1))
            names.append(task)
            print(f"{name}: {task} done", file=sys.stderr, flush=True)
        table = np.array(table)  # (task, variant, score)
        print(f"\n{name}\n| variant | log loss | accuracy | log loss of {', '.join(names)} |\n|---|---|---|---|")
        for number, variant in enumerate(variants):
            loss, accuracy = table[:, number].mean(axis=0)
            each = " ".join(f"{value:.3f}" for value in table[:, number, 0])
            print(f"| {variant or 'defaults'} | {loss:.4f} | {accuracy:.4f} | {each} |")


if __name__ == "__main__":
    main()

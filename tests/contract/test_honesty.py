"""No decoder beats the ideal observer or finds information where there is none. Simulations, out of fold."""

import functools

import numpy as np
import pandas as pd
import pytest

from neuropipe import decoders, simulate
from neuropipe.binning import bin_spikes
from neuropipe.evaluation import evaluate
from neuropipe.folds import make_folds
from neuropipe.simulate.shuffling import shuffle_labels
from resources.run.compute import side_by_side
from tests.contract.decoder_settings import CLASSIFIERS, NETWORK_CLASSIFIERS, one_per_family

WINDOW, BIN_WIDTH = (0.2, 0.5), 0.05
DRIFT_ONLY = {
    "decision_fraction": 0.0,
    "stimulus_fraction": 0.0,
    "excitability_sd": 0.6,
    "choice_persistence": 0.8,
}
# Fewer settings to choose from, and short training: what is tested does not depend on how many there are.
WINDOWS = ((0.0, 1.0), (0.5, 1.0))
NETWORK = {
    "n_seeds": 1,
    "n_inner_folds": 2,
    "n_epochs": 15,
    "batch_size": 64,
    "windows": WINDOWS,
    "n_bins": (2,),
    "offsets": (1.0,),
}
SMALL = dict.fromkeys(NETWORK_CLASSIFIERS, NETWORK) | {
    "ensemble": {"members": ("rate_logistic", "naive_bayes")},
    "knn": {"windows": WINDOWS},
    "lda": {"windows": WINDOWS, "n_bins": (1, 2)},
    "logistic_regression": {"windows": WINDOWS},
    "pca_logistic": {"windows": WINDOWS, "components": (5, 20)},
    "svm": {"windows": WINDOWS, "n_bins": (1,), "gammas": (0.3,)},
}

# Where there is nothing to find, what could leak is the choice of settings, which decoders of a family share.
# That each decoder by itself is at chance on shuffled labels is in test_decoders.py.
FAMILIES = one_per_family(CLASSIFIERS)

pytestmark = pytest.mark.slow


def evaluated(name: str, recording) -> pd.DataFrame:
    """metric -> row of the evaluation under blocked folds."""
    labels = recording.trials["choice"].to_numpy()
    starts = recording.trials["stimulus"].to_numpy() + WINDOW[0]
    n_bins = round((WINDOW[1] - WINDOW[0]) / BIN_WIDTH)
    counts = bin_spikes(recording.spikes.times, recording.spikes.offsets, starts, BIN_WIDTH, n_bins)
    folds = make_folds(labels, gap=2).assign(scheme="blocked")

    def predict(fold: int) -> pd.DataFrame:
        split = folds[folds["fold"] == fold]
        train, test = (split.loc[split["role"] == role, "sample"].to_numpy() for role in ("train", "test"))
        decoder = decoders.make(name, **SMALL.get(name, {})).fit(counts[train], labels[train])
        probability = decoder.predict_proba(counts[test])
        return pd.DataFrame(
            {
                "scheme": "blocked",
                "fold": fold,
                "sample": test,
                "y_true": labels[test],
                "y_pred": decoder.classes_[probability.argmax(axis=1)],
                **{f"p_{name}": probability[:, column] for column, name in enumerate(decoder.classes_)},
            }
        )

    predictions = pd.concat(side_by_side(predict, range(5)), ignore_index=True)
    return evaluate(predictions, folds, np.unique(labels), labels=labels).set_index("metric")


@functools.cache
def decisions(seed: int, **options):
    return simulate.drift_diffusion(seed=seed, **options)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_no_decoder_beats_the_ideal_observer_and_each_finds_the_choice(name):
    recording = decisions(3)
    low, high = recording.truth["latent_optimal_accuracy_interval"]
    scores = evaluated(name, recording)
    assert 0.82 <= float(recording.truth["latent_optimal_accuracy"]) <= 0.88
    assert scores.loc["accuracy", "value"] <= high, (
        f"better than can be: something leaks (optimum {low:.3f}-{high:.3f})"
    )
    assert scores.loc["accuracy", "value"] > low - 0.06
    assert scores.loc["accuracy", "p_value"] < 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_shuffled_labels_leave_each_family_at_chance(name):
    scores = evaluated(name, shuffle_labels(decisions(3), "choice", seed=1))
    accuracy = scores.loc["accuracy"]
    # Three standard errors of a coin: the labels are one fixed shuffle, so this either holds or it does not.
    assert abs(accuracy["value"] - 0.5) < 3 * np.sqrt(0.25 / accuracy["n"])
    assert accuracy["p_value"] > 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_slow_drift_and_persistent_choices_are_not_significant(name):
    recording = decisions(5, **DRIFT_ONLY)
    choice = recording.trials["choice"].to_numpy()
    assert (choice[1:] == choice[:-1]).mean() > 0.65, "choices persist, so that drift could be mistaken for them"
    scores = evaluated(name, recording)
    assert scores.loc["accuracy", "p_value"] > 0.01
    assert scores.loc["log_loss", "p_value"] > 0.01

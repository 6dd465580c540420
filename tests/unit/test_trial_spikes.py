"""Spike times of trials: counting, refusal of invalid spikes, decoding."""

import numpy as np
import pytest

from neuropipe import decoders
from neuropipe.decoders.trial_spikes import TrialSpikes
from neuropipe.errors import BadInput


def spikes(**changes) -> TrialSpikes:
    given = {"times": [0.1, 0.9, 0.3, 0.31], "unit": [0, 2, 1, 1], "offsets": [0, 2, 2, 4], "n_units": 3}
    given = {**given, "duration": 1.0} | changes
    return TrialSpikes(**{name: np.array(value) if isinstance(value, list) else value for name, value in given.items()})


def test_counts_are_of_trial_bin_and_unit():
    counts = spikes().counts(2)
    assert counts.shape == (3, 2, 3)
    np.testing.assert_array_equal(np.argwhere(counts), [[0, 0, 0], [0, 1, 2], [2, 0, 1]])
    assert counts.sum() == 4
    assert len(spikes()) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": [0, 2, 1]}, "one unit for each time"),
        ({"unit": [0, 3, 1, 1]}, "units 0 to 3 were found; n_units = 3"),
        ({"offsets": [0, 2, 3]}, "number of spikes, which is 4"),
        ({"offsets": [0, 3, 2, 4]}, "offsets must rise"),
        ({"times": [0.1, 1.0, 0.3, 0.31]}, "below duration = 1.0 s"),
        ({"times": [0.1, float("nan"), 0.3, 0.31]}, "below duration = 1.0 s"),
    ],
)
def test_invalid_spikes_are_refused(changes, message):
    with pytest.raises(BadInput, match=message):
        spikes(**changes)


def test_the_spike_transformer_learns_from_spike_times_as_from_their_counts():
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 2
    rates = np.where(np.arange(12) % 2 == labels[:, None], 6.0, 2.0)
    per_unit = generator.poisson(rates)
    unit = np.concatenate([np.repeat(np.arange(12), row) for row in per_unit])
    offsets = np.append(0, per_unit.sum(1).cumsum())
    given = TrialSpikes(generator.uniform(0, 0.5, len(unit)), unit, offsets, 12, 0.5)
    settings = {"n_seeds": 1, "n_inner_folds": 0, "n_epochs": 15, "width": 16, "learning_rate": 0.01}
    decoder = decoders.make("spike_transformer", **settings).fit(given, labels)
    assert decoder.score(given, labels) > 0.9
    from_counts = decoders.make("spike_transformer", **settings).fit(given.counts(64), labels)
    np.testing.assert_array_equal(decoder.predict_proba(given), from_counts.predict_proba(given.counts(64)))

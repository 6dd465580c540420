"""Agreement of spike trains: known answers, and the same numbers as SpikeInterface's comparison."""

import numpy as np
import pytest

from neuropipe.recording import SpikeTrains
from neuropipe.sorting.comparison import match_units, scores_of_units, shared_spikes, wilson
from neuropipe.sorting.scores import sorting_scores

RATE = 30000.0


@pytest.fixture(scope="module")
def sortings():
    """Five true units; of the found ones two are exact, one misses a third, one is two merged, one is false."""
    rng = np.random.default_rng(4)
    true = [np.unique(rng.integers(0, 60 * RATE, 300)) for _ in range(5)]
    jittered = true[1] + rng.integers(-9, 10, len(true[1]))
    merged = np.unique(np.concatenate([true[3], true[4]]))
    found = [true[2][rng.random(len(true[2])) > 1 / 3], true[0], np.sort(jittered), merged,
             np.unique(rng.integers(0, 60 * RATE, 200))]  # fmt: skip
    return tuple(SpikeTrains.from_list([train / RATE for train in trains]) for trains in (true, found))


def test_units_are_paired_and_scored_as_spikeinterface_does(sortings):
    from spikeinterface.comparison import compare_sorter_to_ground_truth
    from spikeinterface.core import NumpySorting

    true, found = sortings
    theirs = [
        NumpySorting.from_unit_dict(
            [{u: np.round(s.times[s.offsets[u] : s.offsets[u + 1]] * RATE).astype(int) for u in range(s.n_units)}], RATE
        )
        for s in sortings
    ]
    compared = compare_sorter_to_ground_truth(*theirs, exhaustive_gt=True, match_score=0.1)
    performance = compared.get_performance()
    ours = scores_of_units(true, found)
    for name in ("accuracy", "recall", "precision"):
        np.testing.assert_allclose(ours[name], performance[name].to_numpy(float), atol=0.004)
    assert ours["partner"].tolist()[:3] == [1, 2, 0]
    np.testing.assert_allclose(match_units(true, found).agreement, compared.agreement_scores.to_numpy(), atol=0.004)


def test_each_spike_is_used_once():
    one = SpikeTrains.from_list([np.array([1.0, 1.0002, 2.0])])
    two = SpikeTrains.from_list([np.array([1.0001, 2.0003, 3.0])])
    assert shared_spikes(one, two).item() == 2
    assert shared_spikes(two, one).item() == 2
    assert shared_spikes(one, SpikeTrains.from_list([np.empty(0)])).item() == 0


def test_scores_over_units_count_those_that_were_missed(sortings):
    table, units = sorting_scores(*sortings, n_resamples=200)
    values = table.set_index("metric")["value"]
    accuracy = units["accuracy"].to_numpy()
    assert accuracy[:2].tolist() == [1.0, 1.0]
    assert accuracy[2] == pytest.approx(2 / 3, abs=0.06)
    assert sorted(accuracy[3:])[0] == 0.0  # of two merged units one has no partner
    assert values["median_accuracy"] == pytest.approx(np.median(accuracy))
    assert values["well_found"] == pytest.approx(0.4)
    assert values["false_units"] == pytest.approx(1 / 5)
    assert (table["ci_low"] <= table["value"]).all()
    assert (table["value"] <= table["ci_high"]).all()
    again, _ = sorting_scores(*sortings, n_resamples=200)
    assert again.equals(table)


def test_the_interval_of_a_proportion_is_wilsons():
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 0) == (0.0, 0.0)
    assert wilson(5, 5)[1] == 1.0

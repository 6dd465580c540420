"""Continuous signals: what a recording of them must be, and their means in bins."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import zarr

from neuropipe import recording as made
from neuropipe.binning.signals import average_in_windows, recorded, segment_spans, sums_in_windows
from neuropipe.errors import BadInput
from neuropipe.recording import Signals
from neuropipe.schemas.activity import Activity
from neuropipe.schemas.recording import Recording
from neuropipe.schemas.signals import signal_fields
from neuropipe.tasks.classification import ClassificationEntry
from neuropipe.tasks.classification.binning import bin_trials
from neuropipe.tasks.regression import RegressionEntry
from neuropipe.tasks.regression.binning import bin_time

RATE = 10.0
# Two stretches, 0 to 4 s and 10 to 13 s; the second channel is -2 times the first.
SEGMENTS, STARTS = np.array([[0, 40], [40, 70]]), np.array([0.0, 10.0])
RAMP = np.arange(70, dtype=np.float32)
SIGNALS = Signals(np.stack([RAMP, -2 * RAMP], axis=1), RATE, "uV", SEGMENTS, STARTS)


def activity(signals: Signals = SIGNALS) -> Activity:
    held = signal_fields(signals)
    return Activity(**{**held, "signals": zarr.array(held["signals"], chunks=(70, 1))})


class TestSignals:
    def test_times_of_samples_jump_where_the_recording_pauses(self):
        SIGNALS.check()
        np.testing.assert_allclose(SIGNALS.times[[0, 39, 40, 69]], [0.0, 3.9, 10.0, 12.9])

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"values": RAMP}, r"must be float32 \(time, channel\)"),
            ({"sampling_rate": 0.0}, "must be a number of Hz above 0"),
            ({"sampling_rate": np.nan}, "must be a number of Hz above 0"),
            ({"segments": np.array([[0, 40], [41, 70]])}, "must cut 70 samples"),
            ({"starts": np.array([0.0, 3.0])}, "segments overlap"),
            ({"starts": np.array([0.0])}, "with a start each"),
            ({"values": np.where(RAMP[:, None] == 5, np.nan, RAMP[:, None]).astype(np.float32)}, "channel 0 holds nan"),
        ],
    )
    def test_what_contradicts_itself_is_refused(self, changed, message):
        with pytest.raises(BadInput, match=message):
            replace(SIGNALS, **changed).check()

    def test_a_recording_names_as_many_channels_as_it_holds(self):
        with pytest.raises(BadInput, match="3 rows, the data 2 units"):
            made.Recording(units=pd.DataFrame({"channel": list("abc")}), signals=SIGNALS)


class TestMeansInBins:
    def test_a_bin_holds_the_samples_from_its_left_edge_to_before_its_right_one(self):
        found = average_in_windows(SIGNALS.values, SIGNALS.times, np.array([0.0, 10.05]), 0.2, 3)
        np.testing.assert_array_equal(found[0, :, 0], [0.5, 2.5, 4.5])
        np.testing.assert_array_equal(found[1, :, 0], [41.5, 43.5, 45.5])  # the sample at 10.0 s is before the window
        np.testing.assert_array_equal(found[..., 1], -2 * found[..., 0])

    def test_edges_that_rounding_moves_take_the_same_samples(self):
        starts = np.array([0.1 + 0.2, 0.7 - 0.1])  # .30000000000000004 and .6
        found = average_in_windows(SIGNALS.values, SIGNALS.times, starts, 0.1, 2)
        np.testing.assert_array_equal(found[..., 0], [[3, 4], [6, 7]])

    def test_sums_over_bins_are_the_sums_over_windows(self):
        starts = np.array([0.03, 1.17, 10.4])
        sums = sums_in_windows(SIGNALS.values, SIGNALS.times, starts, 1.0)
        means = average_in_windows(SIGNALS.values, SIGNALS.times, starts, 0.5, 2)
        np.testing.assert_allclose(5 * means.sum(axis=1), sums)

    def test_a_large_offset_costs_no_precision(self):
        values = (1e6 + np.random.default_rng(0).normal(size=(5000, 1))).astype(np.float32)
        times = np.arange(5000) / RATE
        found = average_in_windows(values, times, np.array([490.0]), 1.0, 1)
        np.testing.assert_allclose(found[0, 0], values[4900:4910].mean(axis=0, dtype=np.float64), rtol=1e-7)

    def test_bins_that_are_shorter_than_a_sample_are_refused(self):
        with pytest.raises(BadInput, match="sampled every 0.1 s; take wider bins"):
            average_in_windows(SIGNALS.values, SIGNALS.times, np.array([0.0]), 0.05, 2)

    def test_windows_must_lie_in_one_stretch(self):
        spans = segment_spans(SEGMENTS, STARTS, RATE)
        np.testing.assert_allclose(spans, [[0, 4], [10, 13]])
        starts = np.array([-0.1, 0.0, 3.0, 3.1, 9.9, 10.0, 12.0, 12.1, np.nan])
        expected = [False, True, True, False, False, True, True, False, False]
        assert recorded(spans, starts, 1.0, RATE).tolist() == expected


def test_trials_hold_means_with_their_unit_and_leave_out_what_was_not_recorded(tmp_path):
    trials = pd.DataFrame({"onset": [1.0, 2.0, 3.5, 10.0, 12.0], "kind": ["a", "b", "a", "b", "a"]})
    recording = Recording.of(
        made.Recording(units=pd.DataFrame({"channel": ["x", "y"]}), trials=trials, signals=SIGNALS)
    )
    entry = ClassificationEntry(label="kind", align="onset", window=(0.0, 1.0), bin_width=0.5)
    binned = bin_trials(entry, activity(), recording, tmp_path)
    np.testing.assert_array_equal(binned.activity[:, :, 0], [[12, 17], [22, 27], [42, 47], [62, 67]])
    assert binned.activity.dtype == np.float32
    assert (binned.quantity, binned.facts["left_out"]["not recorded"]) == ("uV", 1)
    assert binned.checks["sums"].passed
    assert "silent_units" not in binned.facts


def test_a_continuous_session_has_no_bin_across_a_pause(tmp_path):
    times = np.arange(0, 13, 0.25)
    place = made.TimeSeries(times, np.sin(times))
    recording = Recording.of(
        made.Recording(units=pd.DataFrame({"channel": ["x", "y"]}), signals=SIGNALS, behaviour={"place": place})
    )
    binned = bin_time(RegressionEntry(targets=("place",), bin_width=1.0, history=2), activity(), recording, tmp_path)
    assert binned.segments.tolist() == [[0, 4], [4, 6]]  # behaviour ends at 12.75 s
    np.testing.assert_allclose(binned.activity[:, 0], [4.5, 14.5, 24.5, 34.5, 44.5, 54.5])
    assert binned.samples["bin"].tolist() == [1, 2, 3, 5]
    assert binned.checks["sums"].passed

"""Folds: each scheme against its definition, and planted leaks that the check must find."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropipe.errors import BadInput
from neuropipe.folds import SCHEMES, check_leakage, leaks, make_folds


def test_a_shuffle_keeps_no_gap_which_would_take_a_third_of_its_training():
    folds = make_folds(n_samples=50, scheme="shuffled", gap=1)
    assert set(folds["role"]) == {"train", "test"}


def samples_of(folds: pd.DataFrame, fold: int, role: str) -> list[int]:
    return folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "sample"].tolist()


def test_blocked_folds_are_contiguous_with_a_gap_on_either_side():
    folds = make_folds(n_samples=10, n_folds=5, gap=1)
    assert samples_of(folds, 1, "test") == [2, 3]
    assert samples_of(folds, 1, "gap") == [1, 4]
    assert samples_of(folds, 1, "train") == [0, 5, 6, 7, 8, 9]
    assert samples_of(folds, 0, "gap") == [2]


@pytest.mark.parametrize("gap", [0, 3])
def test_rolled_folds_are_the_rolls_of_a_range_whatever_the_gap(gap):
    n = 228
    folds = make_folds(n_samples=n, scheme="rolled", gap=gap)
    for fold in range(5):
        rolled = np.roll(np.arange(n), fold * (n // 5))
        assert samples_of(folds, fold, "test") == sorted(rolled[: n // 5])
        assert samples_of(folds, fold, "train") == sorted(rolled[n // 5 :])
    never_tested = set(range(n)) - set(folds.loc[folds["role"] == "test", "sample"])
    assert never_tested == {45, 46, 47}


def test_stratified_folds_cut_each_class_into_blocks_of_time():
    labels = np.array(["a", "b", "a", "a", "b", "a", "b", "b"])
    folds = make_folds(labels, scheme="stratified", n_folds=2)
    assert samples_of(folds, 0, "test") == [0, 1, 2, 4]
    assert samples_of(folds, 1, "test") == [3, 5, 6, 7]


def test_leave_one_block_out_tests_one_block_at_a_time():
    folds = make_folds(n_samples=6, scheme="leave_one_block_out", blocks=["y", "y", "x", "x", "y", "z"])
    assert [samples_of(folds, fold, "test") for fold in range(3)] == [[0, 1, 4], [2, 3], [5]]


def test_shuffled_folds_follow_the_seed():
    first, again, other = (make_folds(n_samples=50, scheme="shuffled", seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert samples_of(first, 0, "test") != list(range(10))


@given(
    n=st.integers(6, 60),
    n_folds=st.integers(2, 6),
    gap=st.integers(0, 2),
    scheme=st.sampled_from(["blocked", "stratified", "rolled", "shuffled"]),
)
@settings(max_examples=80, deadline=None)
def test_every_sample_has_one_role_in_each_fold_and_is_tested_once(n, n_folds, gap, scheme):
    labels = np.arange(n) % 2
    try:
        folds = make_folds(labels, scheme=scheme, n_folds=n_folds, gap=gap)
    except BadInput:
        assert gap > 0 or n < 2 * n_folds
        return
    assert not folds.duplicated(["fold", "sample"]).any()
    assert len(folds) == n_folds * n
    tested = folds.loc[folds["role"] == "test", "sample"].value_counts()
    assert set(tested) == {1}
    assert len(tested) == (n if scheme != "rolled" else n // n_folds * n_folds)
    for fold in range(n_folds):
        apart = np.abs(np.subtract.outer(samples_of(folds, fold, "train"), samples_of(folds, fold, "test")))
        assert apart.min() > (gap if SCHEMES[scheme].keeps_gap else 0)
    check_leakage(folds, gap=gap if SCHEMES[scheme].keeps_gap else 0, allow_untested=scheme == "rolled")


def test_time_order_is_that_of_the_starts():
    starts = np.array([5.0, 1.0, 4.0, 0.0, 3.0, 2.0])
    folds = make_folds(n_samples=6, n_folds=3, starts=starts, gap=1)
    assert samples_of(folds, 1, "test") == [4, 5]
    assert samples_of(folds, 1, "gap") == [1, 2]
    check_leakage(folds, starts=starts, gap=1)
    with pytest.raises(BadInput, match="within the gap"):
        check_leakage(folds, gap=1)


@pytest.mark.parametrize("scheme", ["blocked", "rolled", "stratified", "shuffled"])
def test_windows_that_overlap_a_test_window_become_gap(scheme):
    starts = np.arange(40) * 1.0
    stops = starts + np.where(np.arange(40) % 10 == 9, 1.5, 0.9)
    folds = make_folds(np.arange(40) % 2, scheme=scheme, n_folds=4, starts=starts, stops=stops)
    assert (folds["role"] == "gap").any()
    check_leakage(folds, starts=starts, stops=stops, allow_untested=scheme == "rolled")


def test_neighbours_that_merely_touch_are_no_leak():
    starts = 0.1 + np.arange(3000) * 0.1
    assert np.any(starts[:-1] + 0.1 > starts[1:]), "rounding makes some of these windows overlap in the last digit"
    for scheme in ("rolled", "shuffled"):
        folds = make_folds(n_samples=3000, scheme=scheme)
        check_leakage(folds, starts=starts, stops=starts + 0.1, allow_untested=scheme == "rolled")


def test_planted_overlap_is_found_and_named():
    starts = np.arange(20.0)
    stops = starts + 1.0
    folds = make_folds(n_samples=20, n_folds=4)
    check_leakage(folds, starts=starts, stops=stops)
    stops[4] = 5.2
    with pytest.raises(BadInput, match=r"fold 0 trains on sample 5 .* overlaps test sample 4 "):
        check_leakage(folds, starts=starts, stops=stops)


def test_history_of_continuous_bins_needs_a_gap_of_its_length():
    n, bin_width, history = 100_000, 0.05, 13
    ends = np.arange(1, n + 1) * bin_width
    windows = np.stack([ends - (history + 1) * bin_width, ends], axis=1)
    check_leakage(make_folds(n_samples=n, gap=history), windows=windows)
    with pytest.raises(BadInput, match="overlaps test sample"):
        check_leakage(make_folds(n_samples=n, gap=history - 1), windows=windows)


@given(seed=st.integers(0, 10_000), n=st.integers(4, 30))
@settings(max_examples=60, deadline=None)
def test_overlap_is_found_exactly_where_every_pair_is_compared(seed, n):
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, 60, n).astype(float)
    stops = starts + rng.integers(1, 4, n)
    folds = make_folds(n_samples=n, n_folds=2, scheme="shuffled", seed=seed)
    leak = False
    for fold in range(2):
        for train in samples_of(folds, fold, "train"):
            for test in samples_of(folds, fold, "test"):
                leak |= bool(starts[train] < stops[test] and starts[test] < stops[train])
    if leak:
        with pytest.raises(BadInput, match="overlaps test sample"):
            check_leakage(folds, starts=starts, stops=stops)
    else:
        check_leakage(folds, starts=starts, stops=stops)


# -- planted leaks -----------------------------------------------------------------------------------------------------


def found_in(folds: pd.DataFrame, *times, **given) -> list[tuple]:
    """(fold, training sample, test sample, leak) of every leak."""
    columns = ["fold", "sample", "test_sample", "leak"]
    return list(leaks(folds, *times, **given)[columns].itertuples(index=False, name=None))


def test_folds_that_are_sound_have_no_leaks():
    starts = np.arange(20.0)
    folds = make_folds(n_samples=20, n_folds=4, gap=2)
    assert found_in(folds, starts, starts + 1.0, gap=2) == []
    assert list(leaks(folds).columns) == ["scheme", "fold", "sample", "test_sample", "leak"]


def test_a_planted_window_that_two_samples_share_is_a_leak():
    starts = np.arange(20.0)
    stops = starts + 1.0
    stops[4] = 6.2  # the last test sample of fold 0 reaches into two training samples
    assert found_in(make_folds(n_samples=20, n_folds=4), starts, stops)[:2] == [
        (0, 5, 4, "overlap"),
        (0, 6, 4, "overlap"),
    ]


def test_a_planted_training_sample_within_the_gap_is_a_leak():
    folds = replaced(make_folds(n_samples=20, n_folds=4, gap=2), 1, 3, "train")
    assert found_in(folds, gap=2) == [(1, 3, 5, "gap")]
    assert found_in(folds, gap=1) == []


def test_a_planted_sample_in_two_roles_is_a_leak():
    folds = make_folds(n_samples=12, n_folds=3)
    twice = pd.concat([folds, pd.DataFrame({"fold": [2], "sample": [9], "role": ["train"]})])
    assert found_in(twice) == [(2, 9, 9, "two roles")]


def test_planted_history_that_reaches_across_the_border_is_a_leak():
    bin_width, history = 0.05, 4  # the bin itself and three before it
    stops = np.arange(1, 61) * bin_width
    starts = stops - history * bin_width
    assert found_in(make_folds(n_samples=60, n_folds=3, gap=history - 1), starts, stops) == []
    leaking = found_in(make_folds(n_samples=60, n_folds=3, gap=history - 2), starts, stops)
    # Fold 0 tests bins 0-19: the history of bin 22 begins with bin 19.
    assert leaking[0] == (0, 22, 19, "overlap")
    assert {leak for *_, leak in leaking} == {"overlap"}
    assert len(leaking) == 4  # at each of the four borders of the three blocks


def test_schemes_of_one_table_are_searched_by_themselves_and_rolled_is_held_to_no_gap():
    table = pd.concat([make_folds(n_samples=20, scheme=name).assign(scheme=name) for name in ("blocked", "rolled")])
    assert set(leaks(table, gap=1)["scheme"]) == {"blocked"}
    assert leaks(table).empty


def test_many_leaks_are_found_in_a_moment():
    n = 100_000
    stops = np.arange(1, n + 1) * 0.05
    found = leaks(make_folds(n_samples=n, scheme="shuffled"), stops - 0.5, stops)
    assert len(found) > n


def replaced(folds: pd.DataFrame, fold: int, sample: int, role: str) -> pd.DataFrame:
    folds = folds.copy()
    folds.loc[(folds["fold"] == fold) & (folds["sample"] == sample), "role"] = role
    return folds


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: pd.concat([f, pd.DataFrame({"fold": [0], "sample": [0], "role": ["train"]})]), "2 roles in fold 0"),
        (lambda f: f.drop(index=3), "sample 3 has 0 roles in fold 0"),
        (lambda f: replaced(f, 0, 0, "train"), "sample 0 is tested in no fold"),
        (lambda f: replaced(f, 1, 0, "test"), "sample 0 is tested in 2 folds"),
        (lambda f: replaced(f, 0, 0, "validation"), "'validation' is no role"),
        (lambda f: f.assign(role="train"), "fold 0 has no test samples"),
        (lambda f: f.assign(role=f["role"].replace("train", "gap")), "fold 0 has no training samples"),
        (lambda f: f.drop(columns="role"), "columns fold, sample, role"),
        (lambda f: f.assign(sample=f["sample"] * 1_000_000_000), "need a row each"),
    ],
)
def test_spoiled_folds_are_refused(spoil, message):
    folds = make_folds(n_samples=12, n_folds=3)
    check_leakage(folds)
    with pytest.raises(BadInput, match=message):
        check_leakage(spoil(folds))


def test_each_scheme_of_one_table_is_checked_by_itself():
    table = pd.concat([make_folds(n_samples=22, scheme=name).assign(scheme=name) for name in ("blocked", "rolled")])
    check_leakage(table)
    spoiled = table[~((table["scheme"] == "blocked") & (table["sample"] == 0))]
    with pytest.raises(BadInput, match="sample 0 has 0 roles in fold 0"):
        check_leakage(spoiled)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 10, "scheme": "blokced"}, "did you mean blocked"),
        ({"n_samples": 3}, "3 samples can't be cut into 5 folds"),
        ({"n_samples": 10, "n_folds": 1}, "at least 2"),
        ({"n_samples": 10, "gap": -1}, "gap is -1"),
        ({"n_samples": 10, "gap": 9}, "fold 0 has no training samples"),
        ({}, "give labels or n_samples"),
        ({"labels": [0, 1] * 5, "n_samples": 9}, "n_samples 9, labels 10"),
        ({"labels": [1] * 10}, "all 10 labels are 1"),
        ({"labels": [0, 1, np.nan] * 5}, "sample 2 has no value in labels"),
        ({"labels": np.zeros((5, 2))}, "one value per sample"),
        ({"labels": ["l"] * 8 + ["r"] * 2}, "fold 4 would train without class 'r'"),
        ({"n_samples": 10, "scheme": "stratified"}, "needs labels"),
        ({"n_samples": 10, "scheme": "leave_one_block_out"}, "needs blocks"),
        ({"n_samples": 10, "stops": np.arange(10.0)}, "both starts and stops"),
        ({"starts": np.arange(10.0), "stops": np.arange(10.0)}, "must stop after it starts"),
        ({"starts": np.r_[np.arange(9.0), np.nan]}, "starts must be one finite time"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(arguments, message):
    with pytest.raises(BadInput, match=message):
        make_folds(**arguments)


def test_a_missing_class_is_allowed_on_request():
    folds = make_folds(["l"] * 8 + ["r"] * 2, allow_missing_classes=True)
    assert samples_of(folds, 4, "test") == [8, 9]


def test_every_registered_scheme_says_what_it_is():
    assert all(type(scheme).__doc__ for scheme in SCHEMES.values())

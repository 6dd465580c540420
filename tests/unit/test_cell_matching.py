"""Footprints of found ROIs are matched to true cells one to one, and registration is judged whatever its reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropipe.calcium.footprints import Footprints
from neuropipe.calcium.matching import match_cells, reference_offset, similarity
from neuropipe.errors import BadInput

SHAPE = (30, 40)


def squares(*corners, side=4, weight=1.0, shape=SHAPE):
    """Footprints of squares whose upper left corners are (y, x)."""
    pixels = [
        np.ravel_multi_index(np.meshgrid(range(y, y + side), range(x, x + side), indexing="ij"), shape).ravel()
        for y, x in corners
    ]
    pixels = np.concatenate([np.empty(0, int), *pixels]).astype(np.int32)
    offsets = side**2 * np.arange(len(corners) + 1)
    return Footprints(pixels, np.full(len(pixels), weight, np.float32), offsets, shape)


def test_similarity_is_the_share_in_common_and_blind_to_scale():
    true = squares((2, 2), (10, 10))
    found = squares((2, 3), (20, 20), weight=7.0)
    assert similarity(found, true) == pytest.approx(np.array([[0.75, 0], [0, 0]]))
    assert similarity(true, true) == pytest.approx(np.eye(2))


def test_weights_count():
    a = Footprints(np.array([0, 1], np.int32), np.array([3, 4], np.float32), np.array([0, 2]), SHAPE)
    b = Footprints(np.array([1, 2], np.int32), np.array([4, 3], np.float32), np.array([0, 2]), SHAPE)
    assert similarity(a, b) == pytest.approx(16 / 25)


def test_each_cell_is_found_once_and_what_is_none_is_said():
    true = squares((2, 2), (10, 10), (20, 30))
    found = squares((10, 10), (2, 3), (2, 2), (24, 2))
    matching = match_cells(found, true)
    assert matching.cell.tolist() == [1, -1, 0, -1]
    assert matching.alike == pytest.approx([1, 0.75, 1, 0])
    assert matching.found_fraction == pytest.approx(2 / 3)
    assert matching.precision == pytest.approx(1 / 2)


def test_the_assignment_is_the_best_of_all_not_the_best_first():
    true = squares((5, 10), (5, 12))
    # the second ROI is most like the first cell, but it alone can be the second cell
    found = squares((5, 9), (5, 11))
    assert similarity(found, true) == pytest.approx(np.array([[0.75, 0.25], [0.75, 0.75]]))
    assert match_cells(found, true).cell.tolist() == [0, 1]


def test_the_threshold_decides():
    true, found = squares((5, 10)), squares((5, 12))
    assert match_cells(found, true).cell.tolist() == [0]  # half in common: just enough
    assert match_cells(found, true, least_alike=0.51).cell.tolist() == [-1]
    assert match_cells(found, true, least_alike=0.51).alike.tolist() == [0.5]


def test_nothing_found():
    matching = match_cells(squares(), squares((5, 10)))
    assert (matching.found_fraction, matching.precision) == (0, 0)


def test_what_cannot_be_matched_is_refused():
    with pytest.raises(BadInput, match="no true cell"):
        match_cells(squares((5, 10)), squares())
    with pytest.raises(BadInput, match=r"\(30, 40\) pixels, true cells in one of \(20, 20\)"):
        match_cells(squares((5, 10)), squares((5, 5), shape=(20, 20)))


@given(st.permutations(range(5)), st.integers(-1, 1), st.integers(-1, 1))
def test_the_order_does_not_matter_nor_a_move_of_both(order, dy, dx):
    true = squares((2, 2), (2, 12), (12, 2), (12, 12), (20, 30))
    found = true.only(np.array(order)).moved(dy, dx)
    matching = match_cells(found, true.moved(dy, dx))
    assert matching.cell.tolist() == list(order)
    assert matching.alike == pytest.approx(np.ones(5))


def test_moving_loses_what_leaves_the_field():
    moved = squares((0, 0), (10, 10)).moved(-2, 3)
    y, x, _ = moved.of(0)
    assert sorted(zip(y.tolist(), x.tolist(), strict=True)) == [(y, x) for y in (0, 1) for x in (3, 4, 5, 6)]
    assert moved.centres()[1] == pytest.approx([9.5, 14.5])


def test_shifts_are_judged_apart_from_the_reference():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 2, (500, 2))
    offset, error = reference_offset(true, true - [3, -2])
    assert offset == pytest.approx([3, -2])
    assert error == pytest.approx(0, abs=1e-12)
    _, error = reference_offset(true, true + rng.normal(0, 0.1, true.shape))
    assert error == pytest.approx(0.1, rel=0.1)
    _, error = reference_offset(true, np.round(true))
    assert error == pytest.approx(np.sqrt(1 / 12), rel=0.1)

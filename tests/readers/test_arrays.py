"""Counts and labels: which values are accepted, and how they are stored."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_counts, as_labels


class TestCounts:
    @pytest.mark.parametrize(
        ("highest", "dtype"), [(255, np.uint8), (256, np.uint16), (65_535, np.uint16), (65_536, np.uint32)]
    )
    def test_take_the_smallest_type_that_holds_them(self, highest, dtype):
        counts = as_counts(np.array([[0.0, highest]]), "x")
        assert counts.dtype == dtype
        assert counts.tolist() == [[0, highest]]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0, 0.5, 1e12])
    def test_refuse_what_is_no_count_and_say_where(self, bad):
        values = np.zeros((2, 3, 4))
        values[1, 2, 3] = bad
        with pytest.raises(BadInput, match=r"file: spks holds \S+ at \[1, 2, 3\]"):
            as_counts(values, "file: spks")

    def test_refuse_negative_integers(self):
        with pytest.raises(BadInput, match=r"holds -3 at \[1\]"):
            as_counts(np.array([0, -3]), "x")

    @pytest.mark.parametrize("values", [np.array(["1"]), np.array([1j]), np.empty((0, 3))])
    def test_refuse_text_complex_and_nothing(self, values):
        with pytest.raises(BadInput):
            as_counts(values, "x")


class TestLabels:
    def test_whole_numbers_become_integers_and_fractions_stay(self):
        assert as_labels(np.array([1.0, -1.0]), 2, "x").dtype == np.int64
        assert as_labels(np.array([0.25, 1.0]), 2, "x").tolist() == [0.25, 1.0]
        assert as_labels(np.array(["left", "right"]), 2, "x").tolist() == ["left", "right"]

    def test_nan_is_refused_with_its_row(self):
        with pytest.raises(BadInput, match="choice is not finite in 1 rows, first row 1"):
            as_labels(np.array([1, np.nan, 0]), 3, "choice")

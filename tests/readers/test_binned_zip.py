"""Zip archives of binned counts."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import CHOICE, COUNTS, binned_zip, read


class TestBinnedZip:
    def test_labels_and_bins(self, tmp_path):
        recording = read("binned_zip", binned_zip(tmp_path))
        assert recording.trials["choice"].tolist() == CHOICE.tolist()
        assert (recording.counts.bin_width, recording.counts.start) == (0.02, -1.0)

    @pytest.mark.parametrize("order", [["bin", "unit", "trial"], ["unit", "trial", "bin"], ["trial", "bin", "unit"]])
    def test_any_order_of_axes_and_of_memory(self, order, tmp_path):
        house = ["trial", "bin", "unit"]
        stored = COUNTS.transpose([house.index(axis) for axis in order])
        for array in (np.ascontiguousarray(stored), np.asfortranarray(stored)):
            recording = read("binned_zip", binned_zip(tmp_path, counts=array), axes=order)
            np.testing.assert_array_equal(recording.counts.counts, COUNTS)

    def test_refusals(self, tmp_path):
        def refused(match: str, parameters: dict | None = None, **changed: np.ndarray) -> None:
            with pytest.raises(BadInput, match=match):
                read("binned_zip", binned_zip(tmp_path, **changed), **parameters or {})

        refused("bin_width and start", {"bin_width": None})
        refused("bin_width and start", {"start": None})
        refused("bin_width 0", {"bin_width": 0})
        refused("axes must be trial, bin and unit", {"axes": ["trial", "time", "unit"]})
        refused("no member 'spikes.npy'; it holds", {"counts": "spikes.npy"})
        refused("choices.npy has 5 values, but there are 6 trials", choices=CHOICE[:5])
        refused("choices.npy is not finite", choices=np.where(CHOICE == 0, np.nan, CHOICE))
        refused("expected three axes: trial, unit, bin", counts=COUNTS[0])
        refused(r"counts.npy holds \S+ at \[0, 0, 0\]", counts=COUNTS + 0.5)

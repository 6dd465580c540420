"""Folders that suite2p wrote."""

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.formats import DFF, N_FRAMES, N_ROI, Trap, changed, read, suite2p


class TestSuite2p:
    def test_gives_the_cells_their_dff(self, tmp_path):
        bright = changed(np.full((N_ROI, N_FRAMES), 100.0), (2, slice(20, 23)), 113.0)
        found = read("suite2p", suite2p(tmp_path, F=bright))
        assert found.units.to_dict("list") == {"roi": [0, 2], "is_cell": [True, True], "probability": [0.9, 0.8]}
        expected = np.zeros((N_FRAMES, 2))
        expected[20:23, 1] = 13 / 65
        np.testing.assert_allclose(found.fluorescence.dff, expected, atol=1e-5)
        assert found.fluorescence.frame_times[-1] == pytest.approx(3.9)

    def test_all_rois_are_given_when_asked_for(self, tmp_path):
        assert read("suite2p", suite2p(tmp_path), only_cells=False).units["roi"].tolist() == [0, 1, 2]

    def test_rois_dimmer_than_their_surroundings_are_left_out(self, tmp_path):
        surround = np.full((N_ROI, N_FRAMES), 50.0)
        path = suite2p(tmp_path, Fneu=changed(surround, 0, 200.0))
        assert read("suite2p", path).units["roi"].tolist() == [2]
        with pytest.raises(BadInput, match="no ROI is brighter than 0.7 x its neuropil"):
            read("suite2p", suite2p(tmp_path, Fneu=surround * 4))

    @pytest.mark.parametrize("name", ["F", "Fneu", "iscell"])
    def test_pickled_objects_are_refused_and_never_made(self, name, tmp_path):
        sprung = tmp_path / "sprung"
        path = suite2p(tmp_path, **{name: np.array([Trap(sprung)] * N_ROI, dtype=object)})
        with pytest.raises(BadInput, match=rf"{name}.npy holds pickled Python objects .* refused"):
            read("suite2p", path)
        assert not sprung.exists()

    def test_pickles_beside_are_never_opened(self, tmp_path):
        sprung = tmp_path / "sprung"
        files = {"F.npy": suite2p(tmp_path)}
        for name in ("stat", "ops"):
            np.save(tmp_path / f"{name}.npy", np.array([Trap(sprung)], dtype=object))
        files |= {name: tmp_path / name for name in ("Fneu.npy", "stat.npy", "ops.npy")}
        found = readers.get("suite2p").load()(files, frame_rate=10.0)
        assert len(found.units) == N_ROI
        assert not sprung.exists()

    @pytest.mark.parametrize(
        ("frame_rate", "sentence"),
        [(None, r"the frame rate is not known: .* a pickle, which is never opened; give `frame_rate: ` in Hz"),
         (0, "must be above 0, in Hz, found 0"), ("30", "must be one number, in Hz, found '30'"),
         (float("nan"), "above 0, in Hz, found nan")],
    )  # fmt: skip
    def test_a_frame_rate_is_needed(self, frame_rate, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("suite2p", suite2p(tmp_path), frame_rate=frame_rate)

    @pytest.mark.parametrize(
        ("arrays", "sentence"),
        [
            ({"Fneu": np.zeros((N_ROI, 5))}, r"F.npy is \(3, 40\) and Fneu.npy \(3, 5\)"),
            ({"F": changed(DFF.T, (1, 4), np.nan)}, "F.npy holds nan in ROI 1 at frame 4"),
            ({"F": np.zeros(4)}, r"F.npy holds float64 \(4,\); fluorescence is numbers, \(roi, time\)"),
            ({"iscell": np.zeros((2, 2))}, r"iscell.npy is float64 \(2, 2\); expected \(3, 2\)"),
            ({"iscell": np.zeros((3, 2))}, "calls none of 3 ROIs a cell"),
        ],
    )
    def test_refusals(self, arrays, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read("suite2p", suite2p(tmp_path, **arrays))

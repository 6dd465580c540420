"""R files of Steinmetz et al. (2019)."""

import numpy as np
import pytest

from neuropipe.errors import BadInput
from tests.readers.formats import COUNTS, N_BINS, N_TRIALS, r_session, read, steinmetz_rds


class TestSteinmetzRds:
    def test_bins_and_trials_follow_from_the_bin_centres(self, tmp_path):
        recording = read("steinmetz_rds", steinmetz_rds(tmp_path))
        assert (recording.counts.bin_width, recording.counts.start) == (0.01, 0.0)
        np.testing.assert_allclose(recording.trials["stimulus"], 10.0 + 2.5 * np.arange(N_TRIALS), atol=1e-9)
        np.testing.assert_allclose(recording.trials["stop"] - recording.trials["start"], N_BINS * 0.01, atol=1e-9)

    def test_contrasts_feedback_and_areas(self, tmp_path):
        recording = read("steinmetz_rds", steinmetz_rds(tmp_path))
        assert recording.trials["contrast_difference"].tolist() == [0.5, -0.25, 0, -1, 0.25, 0.5]
        assert recording.trials["feedback"].tolist() == [1, -1, 1, 1, -1, 1]
        assert recording.units["brain_area"].tolist() == ["VISp", "CA1", "root"]

    @pytest.mark.parametrize(
        ("match", "changed"),
        [
            ("lacks feedback_type; it has brain_area", {"feedback_type": None}),
            ("feedback_type has 5 values, but there are 6 trials", {"feedback_type": np.ones(5)}),
            ("brain_area has 2 values, but there are 3 units", {"brain_area": np.array(["CA1", "CA3"])}),
            ("expected an R list|must be an R list", {"spks": COUNTS.astype(float)}),
            ("matrices of one shape", {"spks": [np.zeros((3, 4))] * 5 + [np.zeros((2, 4))]}),
            (r"spks\[\[1\]\] holds -1", {"spks": [np.full((3, 4), -1.0)] * 6}),
            (r"spks\[\[1\]\] holds nan", {"spks": [np.full((3, 4), np.nan)] * 6}),
            ("one vector for each of 6 trials, found 5", {"time": r_session()["time"][:5]}),
            ("not evenly spaced", {"time": [np.array([0, 0.01, 0.03, 0.04]) + i for i in range(6)]}),
            ("put the trials in time order", {"time": r_session()["time"][::-1]}),
        ],
    )
    def test_refusals(self, match, changed, tmp_path):
        with pytest.raises(BadInput, match=match):
            read("steinmetz_rds", steinmetz_rds(tmp_path, **changed))

    def test_an_r_object_of_another_kind_is_refused(self, tmp_path):
        import rdata

        path = tmp_path / "vector.rds"
        rdata.write_rds(path, np.arange(3.0))
        with pytest.raises(BadInput, match="expected an R list with spks"):
            read("steinmetz_rds", path)

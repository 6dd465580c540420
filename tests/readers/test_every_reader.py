"""Promises that every reader keeps: the standard form, and refusal of missing, truncated and pickled files."""

import pickle

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from tests.readers.formats import COUNTS, EXAMPLES, N_FRAMES, N_TRIALS, N_UNITS, Trap, read
from tests.readers.voltage_formats import VOLTAGE_EXAMPLES

SORTED = ("phy",)  # test_phy.py


def test_every_registered_reader_has_an_example():
    assert sorted([*EXAMPLES, *VOLTAGE_EXAMPLES, *SORTED]) == sorted(readers.available())


@pytest.mark.parametrize("kind", EXAMPLES)
class TestEveryReader:
    def test_returns_the_standard_form(self, kind, tmp_path):
        recording = read(kind, EXAMPLES[kind].write(tmp_path))
        if not EXAMPLES[kind].has_trials:
            assert recording.trials is None or recording.signals or recording.spikes or recording.fluorescence
            others = (recording.fluorescence, recording.movie, recording.signals, recording.spikes)
            assert recording.behaviour or any(others)
            return
        np.testing.assert_array_equal(recording.counts.counts, COUNTS)
        assert recording.counts.counts.dtype == np.uint8
        assert recording.counts.counts.flags.c_contiguous
        assert len(recording.trials) == N_TRIALS
        assert len(recording.units) == N_UNITS
        assert list(recording.trials.index) == list(range(N_TRIALS))

    def test_is_listed_with_a_summary_without_being_imported(self, kind):
        assert readers.available()[kind].summary.endswith((".", ")"))

    def test_names_a_missing_file(self, kind, tmp_path):
        with pytest.raises(BadInput, match="nowhere"):
            read(kind, tmp_path / "nowhere.bin")

    def test_gives_fluorescence_in_single_precision_with_a_time_for_every_frame(self, kind, tmp_path):
        imaged = read(kind, EXAMPLES[kind].write(tmp_path)).fluorescence
        assert (imaged is not None) == EXAMPLES[kind].imaged
        if imaged is not None:
            assert imaged.dff.dtype == np.float32
            assert imaged.dff.flags.c_contiguous
            assert imaged.frame_times.dtype == np.float64
            assert imaged.frame_times.shape == imaged.dff.shape[:1]

    def test_refuses_several_files_and_names_them_unless_they_are_parts(self, kind, tmp_path):
        path = EXAMPLES[kind].write(tmp_path)
        if EXAMPLES[kind].in_parts:
            several = readers.get(kind).load()({"a": path, "b": path}, **EXAMPLES[kind].parameters)
            assert several.signals.n_units == 2 if several.signals else several.movie.frames.shape[0] == 2 * N_FRAMES
            return
        with pytest.raises(BadInput, match=EXAMPLES[kind].of_several):
            readers.get(kind).load()({"a": path, "b": path}, **EXAMPLES[kind].parameters)

    @pytest.mark.parametrize("keep", [0, 7, 0.5, 0.9])
    def test_refuses_a_truncated_file_by_name(self, kind, keep, tmp_path):
        path = EXAMPLES[kind].write(tmp_path)
        content = path.read_bytes()
        path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
        with pytest.raises(BadInput, match=path.name):
            read(kind, path)

    def test_never_unpickles_a_file_that_is_a_pickle(self, kind, tmp_path):
        path, sprung = EXAMPLES[kind].write(tmp_path), tmp_path / "sprung"
        path.write_bytes(pickle.dumps(Trap(sprung)))
        with pytest.raises(BadInput, match=path.name):
            read(kind, path)
        assert not sprung.exists()


@pytest.mark.parametrize(("kind", "member"), [("binned_zip", "choices"), ("binned_zip", "counts"), ("npz", "choice")])
def test_never_unpickles_an_array_of_objects(kind, member, tmp_path):
    sprung = tmp_path / "sprung"
    trap = np.array([Trap(sprung)] * N_TRIALS, dtype=object)
    arrays = {"counts": COUNTS, "bin_width": 0.02, "start": 0.0} if kind == "npz" else {}
    path = EXAMPLES[kind].write(tmp_path, **arrays | {member: trap})
    with pytest.raises(BadInput, match=member):
        read(kind, path)
    assert not sprung.exists()

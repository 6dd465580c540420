"""Every reader keeps the same promises; each refuses what its own format can get wrong."""

import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.readers.arrays import as_counts, as_labels
from neuropipe.recording import Recording

N_TRIALS, N_BINS, N_UNITS = 6, 4, 3
COUNTS = np.random.default_rng(0).poisson(1.0, (N_TRIALS, N_BINS, N_UNITS))
CHOICE = np.array([1, -1, 0, 1, 1, -1])
BINNED = {"axes": ["trial", "unit", "bin"], "labels": {"choice": "choices.npy"}, "bin_width": 0.02, "start": -1.0}


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def write_zip(path: Path, **arrays: np.ndarray) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(values))
    return path


def binned_zip(folder: Path, **changed: np.ndarray) -> Path:
    arrays = {"counts": COUNTS.transpose(0, 2, 1).astype(float), "choices": CHOICE.astype(float)}
    return write_zip(folder / "Binned_data.zip", **arrays | changed)


def r_session() -> dict:
    starts = 10.0 + 2.5 * np.arange(N_TRIALS)
    return {
        "contrast_left": np.array([0, 0.25, 0.5, 1, 0, 0.5])[:, None],
        "contrast_right": np.array([0.5, 0, 0.5, 0, 0.25, 1])[:, None],
        "feedback_type": np.array([1.0, -1, 1, 1, -1, 1])[:, None],
        "mouse_name": np.array(["Cori"]),
        "brain_area": np.array(["VISp", "CA1", "root"]),
        "spks": [trial.T.astype(float) for trial in COUNTS],
        "time": [start + 0.01 * (np.arange(N_BINS) + 0.5) for start in starts],
    }


def steinmetz_rds(folder: Path, **changed: object) -> Path:
    import rdata

    path = folder / "session3.rds"
    rdata.write_rds(path, {name: value for name, value in (r_session() | changed).items() if value is not None})
    return path


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "mine.npz"
    np.savez(path, **arrays or {"counts": COUNTS, "bin_width": 0.02, "start": 0.0, "choice": CHOICE})
    return path


TIME_COUNTS = COUNTS.reshape(-1, N_UNITS)
BIN_STARTS = 5.0 + 0.05 * np.arange(len(TIME_COUNTS))


def matlab(folder: Path, **changed: np.ndarray) -> Path:
    from scipy.io import savemat

    velocity = np.stack([np.sin(BIN_STARTS), np.cos(BIN_STARTS), BIN_STARTS])
    path = folder / "m1.mat"
    savemat(path, {"spikes": TIME_COUNTS.T, "time": BIN_STARTS[None], "vel": velocity} | changed)
    return path


def nwb(folder: Path, **changed: np.ndarray) -> Path:
    """A file as pynwb lays it out: two units, epochs with tags, a series with timestamps and one with a rate."""
    import h5py

    arrays = {
        "units/id": np.arange(2),
        "units/spike_times": np.array([0.5, 1.5, 0.2, 0.1, 2.0]),
        "units/spike_times_index": np.array([2, 5], np.uint8),
        "units/location": np.array([b"adn", b"ca1"]).astype(h5py.string_dtype()),
        "intervals/epochs/start_time": np.array([0.0, 10.0]),
        "intervals/epochs/stop_time": np.array([10.0, 20.0]),
        "intervals/epochs/tags": np.array([b"sleep", b"rest", b"wake"]).astype(h5py.string_dtype()),
        "intervals/epochs/tags_index": np.array([2, 3], np.uint8),
        "acquisition/heading/data": np.array([1.0, 2.0, 3.0]),
        "acquisition/heading/timestamps": np.array([0.0, 0.1, 0.3]),
        "acquisition/speed/data": np.array([1.0, 2.0, 3.0]),
        "acquisition/speed/starting_time": np.array(4.0),
    } | changed
    path = folder / "mouse.nwb"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        file["acquisition/speed/starting_time"].attrs["rate"] = 2.0
        file["acquisition/speed/data"].attrs["conversion"] = 0.01
    return path


N_FRAMES, N_ROI = 40, 3
DFF = np.random.default_rng(1).normal(0.1, 0.2, (N_FRAMES, N_ROI)).astype(np.float32)
FRAME_TIMES = 2.0 + np.arange(N_FRAMES) / 30


def cell(**changed: np.ndarray) -> dict[str, np.ndarray]:
    """One recording as the CASCADE ground truth holds it: 40 frames at 60 Hz and three spikes."""
    return {
        "fluo_time": np.arange(N_FRAMES)[:, None] / 60 + 0.008,
        "fluo_mean": DFF[:, :1].astype(float).T,
        "events_AP": np.array([[1000.0, 2500.0, 2600.0, np.nan]]).T,
    } | changed


def calcium_ground_truth(folder: Path, *cells: dict[str, np.ndarray]) -> Path:
    from scipy.io import savemat

    held = np.empty((1, len(cells or [1])), object)
    held[0] = cells or (cell(),)
    path = folder / "neuron.mat"
    savemat(path, {"CAttached": held})
    return path


def traces_npz(folder: Path, **changed: object) -> Path:
    path = folder / "traces.npz"
    arrays = {"dff": DFF, "frame_times": FRAME_TIMES, "roi_x": np.arange(N_ROI)} | changed
    np.savez(path, **{name: values for name, values in arrays.items() if values is not None})
    return path


def traces_csv(folder: Path, times: np.ndarray | None = FRAME_TIMES, **columns: np.ndarray) -> Path:
    table = pd.DataFrame(columns or dict(zip("abc", DFF.T, strict=True)))
    if times is not None:
        table.insert(0, "time", times)
    path = folder / "traces.csv"
    table.to_csv(path, index=False)
    return path


def suite2p(folder: Path, **changed: np.ndarray) -> Path:
    """F.npy of a folder with its companions: the second of three ROIs is no cell."""
    surround = np.full((N_ROI, N_FRAMES), 50.0, np.float32)
    arrays = {"F": 100 + DFF.T, "Fneu": surround, "iscell": np.array([[1, 0.9], [0, 0.2], [1, 0.8]])} | changed
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return folder / "F.npy"


def tif(folder: Path) -> Path:
    import tifffile

    path = folder / "movie.tif"
    tifffile.imwrite(
        path, np.arange(N_FRAMES * 6 * 7, dtype=np.uint16).reshape(N_FRAMES, 6, 7), photometric="minisblack"
    )
    return path


@dataclass(frozen=True)
class Example:
    """has_trials, imaged : what the recording is; beside : further files of the session; in_parts : of any number."""

    write: Callable[..., Path]
    parameters: dict
    has_trials: bool = True
    imaged: bool = False
    beside: tuple[str, ...] = ()
    in_parts: bool = False


EXAMPLES = {
    "binned_zip": Example(binned_zip, BINNED | {"counts": "counts.npy"}),
    "steinmetz_rds": Example(steinmetz_rds, {}),
    "npz": Example(npz, {}),
    "matlab": Example(matlab, {"behaviour": {"velocity": {"variable": "vel", "rows": {"x": 0, "y": 1}}}}, False),
    "nwb": Example(
        nwb, {"behaviour": {"heading": "acquisition/heading", "speed": "acquisition/speed"}}, has_trials=False
    ),
    "calcium_ground_truth": Example(calcium_ground_truth, {}, False, imaged=True),
    "traces_npz": Example(traces_npz, {}, False, imaged=True),
    "traces_csv": Example(traces_csv, {}, False, imaged=True),
    "suite2p": Example(suite2p, {"frame_rate": 10.0}, False, imaged=True, beside=("Fneu.npy", "iscell.npy")),
    "tif": Example(tif, {"frame_rate": 15.0}, False, in_parts=True),
}


def read(kind: str, path: Path, **changed: object) -> Recording:
    files = {path.name: path} | {name: path.parent / name for name in EXAMPLES[kind].beside}
    return readers.get(kind).load()(files, **EXAMPLES[kind].parameters | changed)


def test_every_registered_reader_has_an_example():
    assert sorted(EXAMPLES) == sorted(readers.available())


@pytest.mark.parametrize("kind", EXAMPLES)
class TestEveryReader:
    def test_returns_the_standard_form(self, kind, tmp_path):
        recording = read(kind, EXAMPLES[kind].write(tmp_path))
        if not EXAMPLES[kind].has_trials:
            assert recording.trials is None
            assert recording.behaviour or recording.fluorescence or recording.movie
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
            movie = readers.get(kind).load()({"a": path, "b": path}, **EXAMPLES[kind].parameters).movie
            assert movie.frames.shape[0] == 2 * N_FRAMES
            return
        of_several = "no F.npy, Fneu.npy among a, b"
        with pytest.raises(BadInput, match=of_several if EXAMPLES[kind].beside else "found 2: a, b"):
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


TRAINS = [np.array([0.5, 1.5, 9.0]), np.empty(0), np.array([0.25])]
TIMES, OFFSETS = np.concatenate(TRAINS), np.array([0, 3, 3, 4])
STARTS = np.array([0.0, 2.0, 4.0])


class TestNpz:
    def test_spike_trains_by_offsets(self, tmp_path):
        path = npz(
            tmp_path, times=TIMES, offsets=OFFSETS, trial_start=STARTS, trial_response=np.array([1.0, np.nan, 5.0]),
            choice=np.array(["left", "right", "left"]), unit_brain_area=np.array(["CA1", "CA1", "VISp"]),
        )  # fmt: skip
        recording = read("npz", path)
        np.testing.assert_array_equal(recording.spikes.times, TIMES)
        np.testing.assert_array_equal(recording.spikes.offsets, OFFSETS)
        assert recording.trials["start"].tolist() == [0.0, 2.0, 4.0]
        assert recording.trials["response"].isna().tolist() == [False, True, False]
        assert recording.trials["choice"].tolist() == ["left", "right", "left"]
        assert recording.units["brain_area"].tolist() == ["CA1", "CA1", "VISp"]

    def test_a_mixed_stream_is_sorted_by_unit_and_time(self, tmp_path):
        path = npz(tmp_path, times=np.array([3.0, 1.0, 2.0, 0.5]), units=np.array([7, 2, 7, 7]))
        recording = read("npz", path)
        assert recording.units["unit"].tolist() == [2, 7]
        assert recording.spikes.times.tolist() == [1.0, 0.5, 2.0, 3.0]
        assert recording.spikes.offsets.tolist() == [0, 1, 4]
        assert recording.trials is None

    @pytest.mark.parametrize(
        ("match", "arrays"),
        [
            ("either times or counts; it has choice", {"choice": CHOICE}),
            ("either times or counts", {"times": TIMES, "counts": COUNTS}),
            ("either offsets or units; it has times", {"times": TIMES}),
            ("give bin_width, start as well", {"counts": COUNTS}),
            ("no trial_start, so choice belong", {"times": TIMES, "offsets": OFFSETS, "choice": CHOICE}),
            ("choice has 6 values, but there are 3 trials",
             {"times": TIMES, "offsets": OFFSETS, "trial_start": STARTS, "choice": CHOICE}),
            ("offsets must rise", {"times": TIMES, "offsets": np.array([0, 3, 9])}),
            ("unit 0 are not sorted", {"times": TIMES[::-1], "offsets": OFFSETS}),
            ("times is not finite", {"times": TIMES * np.nan, "offsets": OFFSETS}),
            ("units has 3 values, but there are 4 spikes", {"times": TIMES, "units": np.array([1, 2, 3])}),
            ("put the trials in time order", {"times": TIMES, "offsets": OFFSETS, "trial_start": STARTS[::-1]}),
            ("bin_width must be one number", {"counts": COUNTS, "bin_width": np.ones(2), "start": 0.0}),
            ("bin_width make no sense beside times", {"times": TIMES, "offsets": OFFSETS, "bin_width": 0.02}),
            ("unit_area has 2 values, but there are 3 units",
             {"times": TIMES, "offsets": OFFSETS, "unit_area": np.array(["a", "b"])}),
            ("choice given twice", {"counts": COUNTS, "bin_width": 0.02, "start": 0.0, "trial_choice": np.arange(6.0),
                                   "choice": CHOICE}),
        ],
    )  # fmt: skip
    def test_refusals(self, match, arrays, tmp_path):
        with pytest.raises(BadInput, match=match):
            read("npz", npz(tmp_path, **arrays))


def test_matlab_counts_and_the_rows_asked_for(tmp_path):
    recording = read("matlab", matlab(tmp_path))
    np.testing.assert_array_equal(recording.counts.counts, TIME_COUNTS)
    assert (recording.counts.bin_width, recording.counts.start) == (0.05, 5.0)
    velocity = recording.behaviour["velocity"]
    assert velocity.columns == ("x", "y")
    np.testing.assert_allclose(velocity.values, np.stack([np.sin(BIN_STARTS), np.cos(BIN_STARTS)], axis=1))
    np.testing.assert_allclose(velocity.times, BIN_STARTS)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"spikes": TIME_COUNTS.T - 1}, "m1.mat: spikes holds -1"),
        ({"spikes": TIME_COUNTS.T[:, 1:]}, "m1.mat: time has 24 values for 23 bins"),
        ({"time": BIN_STARTS**2}, "m1.mat: time is not regular"),
        ({"vel": np.zeros((3, 5))}, r"m1.mat: vel has shape \(3, 5\)"),
        ({"vel": np.zeros((1, 24))}, "m1.mat: vel has 1 rows, counted from 0; there is none for y"),
        ({"vel": np.array(["a", "b"])}, "m1.mat: vel is no array of numbers"),
    ],
)
def test_matlab_variables_that_do_not_fit_are_refused(changed, sentence, tmp_path):
    with pytest.raises(BadInput, match=sentence):
        read("matlab", matlab(tmp_path, **changed))


def test_matlab_says_what_variables_there_are(tmp_path):
    with pytest.raises(BadInput, match="has no variable 'fired'; it has spikes, time, vel"):
        read("matlab", matlab(tmp_path), counts="fired")


def test_matlab_7_3_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "new.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(
        BadInput, match=r"new.mat is a MATLAB 7.3 file; save it again in MATLAB with save\(..., '-v7'\)"
    ):
        read("matlab", path)


def test_nwb_units_epochs_and_series(tmp_path):
    recording = read("nwb", nwb(tmp_path))
    np.testing.assert_array_equal(recording.spikes.offsets, [0, 2, 5])
    np.testing.assert_allclose(recording.spikes.times, [0.5, 1.5, 0.1, 0.2, 2.0])
    assert list(recording.units["location"]) == ["adn", "ca1"]
    assert recording.epochs.to_dict("list") == {
        "name": ["sleep", "rest", "wake"],
        "start": [0, 0, 10],
        "stop": [10, 10, 20],
    }
    np.testing.assert_allclose(recording.behaviour["heading"].times, [0, 0.1, 0.3])
    np.testing.assert_allclose(recording.behaviour["speed"].times, [4, 4.5, 5])
    np.testing.assert_allclose(recording.behaviour["speed"].values, [0.01, 0.02, 0.03])


def test_nwb_paths_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(BadInput, match="mouse.nwb has no /acquisition/lick; there is heading, speed|has no /acq"):
        read("nwb", nwb(tmp_path), behaviour={"lick": "acquisition/lick"})
    with pytest.raises(BadInput, match="does not cut 5 spike times"):
        read("nwb", nwb(tmp_path, **{"units/spike_times_index": np.array([2, 9])}))

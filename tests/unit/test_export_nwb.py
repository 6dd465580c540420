"""NWB export: valid, without errors by nwbinspector, equal when read back, the same bytes for the same content."""

import json

import numpy as np
import pandas as pd
import pynwb
import pytest
import zarr
from nwbinspector import Importance, inspect_nwbfile

from neuropipe.errors import BadInput
from neuropipe.export.nwb import to_nwb, write
from neuropipe.export.nwb_parts.metadata import dois
from neuropipe.readers.nwb import read
from neuropipe.recording import Fluorescence, Recording, Signals, TimeCounts, TrialCounts
from neuropipe.schemas import Events, SortedSpikes
from neuropipe.schemas import Fluorescence as FoundRois
from neuropipe.schemas import Recording as Stored
from tests.unit import exported


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The whole session as a file."""
    path = tmp_path_factory.mktemp("export") / "one.nwb"
    write(exported.full(), path)
    return path


def problems(path):
    """What the schema and the inspector hold against a file."""
    errors = [str(error) for error in pynwb.validate(path=str(path))]
    found = inspect_nwbfile(nwbfile_path=str(path), importance_threshold=Importance.CRITICAL)
    return errors + [f"{each.check_function_name}: {each.message}" for each in found]


@pytest.fixture
def opened(path):
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        yield file.read()


def test_the_file_is_valid(path):
    assert problems(path) == []


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    write(exported.full(), tmp_path / "again.nwb")
    assert (tmp_path / "again.nwb").read_bytes() == path.read_bytes()
    other = exported.content(exported.spiking())
    assert other.identifier != exported.full().identifier


def test_the_reader_reads_what_was_written(path):
    where = {name: f"processing/behavior/{name}" for name in ("position", "speed")}
    found, before = read({"one.nwb": path}, behaviour=where), exported.spiking()
    np.testing.assert_array_equal(found.spikes.times, before.times)
    np.testing.assert_array_equal(found.spikes.offsets, before.offsets)
    pd.testing.assert_frame_equal(found.trials[list(before.trials)], before.trials)
    pd.testing.assert_frame_equal(found.epochs, before.epochs)
    assert found.units["brain_area"].tolist() == ["CA1", "", "VISp"]
    np.testing.assert_array_equal(found.units["depth"], [10, np.nan, 30])
    for name, series in before.behaviour.items():
        np.testing.assert_array_equal(found.behaviour[name].times, series.times)
        np.testing.assert_array_equal(found.behaviour[name].values, series.values)


def test_regular_times_are_a_rate_and_others_stay_times(opened):
    behavior = opened.processing["behavior"]
    assert (behavior["speed"].starting_time, behavior["speed"].rate) == (1.0, 4.0)
    np.testing.assert_array_equal(behavior["position"].timestamps[:], [0.0, 0.1, 0.4])


def test_pynwb_reads_units_and_trials(opened):
    assert [len(opened.units["spike_times"][unit]) for unit in range(3)] == [3, 0, 4]
    assert opened.trials["picture"][:].tolist() == exported.trials()["picture"].tolist()
    assert opened.trials["rewarded"][:].dtype == bool
    assert [tags.tolist() for tags in opened.epochs["tags"][:]] == [["sleep"], ["wake"]]


def test_facts_of_the_session(opened):
    assert opened.session_id == "mine.one"
    assert opened.session_description == "Pictures seen by a mouse"
    assert list(opened.related_publications) == ["doi:10.1000/mine.1", "doi:10.1000/other"]
    assert (opened.subject.subject_id, opened.subject.species, opened.subject.sex) == ("M1", "Mus musculus", "U")
    assert "sex U" in opened.subject.description
    for said in ("Licence: CC0-1.0", "is not known", "decoder/gru print of decoder/gru"):
        assert said in opened.notes
    assert opened.session_start_time.isoformat() == "1970-01-01T00:00:00+00:00"


def test_predictions_say_trial_fold_seed_and_decoder(opened):
    table = opened.processing["decoding"]["gru"]
    frame = table.to_dataframe()
    assert frame["trial"].tolist() == list(range(1, 8))
    assert frame["fold"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert set(frame["seed"]) == {7}
    assert set(frame["decoder"]) == {"gru"}
    np.testing.assert_array_equal(frame["p_house"], np.linspace(0.1, 0.9, 7))
    assert json.loads(table.description.partition("settings: ")[2]) == {"seed": 7, "width": 2}
    assert table["p_house"].description == "probability of the class house"


def test_connectivity_is_every_pair_that_is_known(opened):
    table = opened.processing["connectivity"]["granger"]
    frame = table.to_dataframe()
    assert len(frame) == 6
    weights = np.zeros((3, 3))
    weights[frame["source"], frame["target"]] = frame["weight"]
    np.testing.assert_array_equal(weights, exported.WEIGHTS)
    assert set(frame["p_value"]) == {0.25}
    assert frame["delay"].dropna().tolist() == [0.002]
    assert "granger" in table.description


def test_counts_of_trials_without_spike_times(tmp_path):
    counts = np.random.default_rng(0).poisson(2, (8, 5, 3)).astype(np.uint8)
    units = pd.DataFrame({"brain_area": ["A", "B", "C"]})
    stored = Stored.of(Recording(units=units, counts=TrialCounts(counts, 0.02, -0.1), trials=exported.trials()))
    write(exported.content(stored, "counts"), tmp_path / "counts.nwb")
    assert problems(tmp_path / "counts.nwb") == []
    found = read({"counts.nwb": tmp_path / "counts.nwb"}, counts="processing/ecephys/spike_counts")
    np.testing.assert_array_equal(found.counts.counts, counts)
    assert (found.counts.bin_width, found.counts.start) == (0.02, -0.1)
    assert found.units["brain_area"].tolist() == ["A", "B", "C"]
    with pytest.raises(BadInput, match="has no /units"):
        read({"counts.nwb": tmp_path / "counts.nwb"})


def test_counts_of_continuous_time(tmp_path):
    counts = np.random.default_rng(0).poisson(2, (50, 3)).astype(np.uint8)
    stored = Stored.of(Recording(units=pd.DataFrame({"unit": [4, 5, 9]}), counts=TimeCounts(counts, 0.05, 3.0)))
    write(exported.content(stored, "counts"), tmp_path / "counts.nwb")
    assert problems(tmp_path / "counts.nwb") == []
    found = read({"counts.nwb": tmp_path / "counts.nwb"}, counts="processing/ecephys/spike_counts")
    np.testing.assert_array_equal(found.counts.counts, counts)
    assert (found.counts.bin_width, found.counts.start) == (0.05, 3.0)
    assert found.units["unit"].tolist() == [4, 5, 9]


def test_field_potentials_with_a_pause(tmp_path):
    before = exported.field_potentials()
    write(exported.content(before, "field_potentials"), tmp_path / "lfp.nwb")
    assert problems(tmp_path / "lfp.nwb") == []
    found = read({"lfp.nwb": tmp_path / "lfp.nwb"}, signals="acquisition/signals")
    np.testing.assert_array_equal(found.signals.values, before.signals)
    np.testing.assert_array_equal(found.signals.segments, before.segments)
    np.testing.assert_allclose(found.signals.times, np.r_[0.5 + np.arange(30) / 100, 2 + np.arange(10) / 100])
    assert found.signals.unit == "uV"
    assert found.units["channel"].tolist() == ["Fz", "Cz"]


def test_bold_is_a_series_with_a_table_of_voxels(tmp_path):
    values = np.random.default_rng(0).normal(0, 1, (20, 2)).astype(np.float32)
    units = pd.DataFrame({"x": [1, 2], "y": [3, 4]})
    before = Stored.of(Recording(units=units, signals=Signals.whole(values, 0.4, "a.u.")))
    write(exported.content(before, "bold"), tmp_path / "bold.nwb")
    assert problems(tmp_path / "bold.nwb") == []
    with pynwb.NWBHDF5IO(str(tmp_path / "bold.nwb"), "r") as file:
        opened = file.read()
        np.testing.assert_array_equal(opened.acquisition["signals"].data[:], values)
        assert opened.acquisition["signals"].rate == 0.4
        assert opened.processing["voxels"]["voxels"]["y"][:].tolist() == [3, 4]


def dff():
    return np.random.default_rng(0).normal(0, 1, (40, 2)).astype(np.float32), 0.5 + np.arange(40) / 32


def test_fluorescence_of_rois_whose_place_is_not_known(tmp_path):
    values, times = dff()
    values[3, 1] = np.nan
    before = Stored.of(Recording(units=pd.DataFrame({"roi": [3, 8]}), fluorescence=Fluorescence(values, times)))
    counted = np.abs(np.nan_to_num(values))
    events = Events(
        events=counted,
        frame_times=times,
        rois=pd.DataFrame({"noise": [0.1, 0.2], "seconds": [1.0, 1.0], "events": [2.0, 3.0]}),
        units="spikes",
        frame_rate=32.0,
        method="oasis",
    )
    write(exported.content(before, "fluorescence", events__oasis=events), tmp_path / "rois.nwb")
    assert problems(tmp_path / "rois.nwb") == []
    found = read({"a": tmp_path / "rois.nwb"}, fluorescence="processing/ophys/DfOverF/RoiResponseSeries")
    np.testing.assert_array_equal(found.fluorescence.dff, values)
    np.testing.assert_array_equal(found.fluorescence.frame_times, times)
    again = read({"a": tmp_path / "rois.nwb"}, fluorescence="processing/ophys/events/oasis")
    np.testing.assert_array_equal(again.fluorescence.dff, counted)


def test_pixels_of_rois_that_were_found_in_a_movie():
    values, times = dff()
    found = FoundRois(
        units=pd.DataFrame({"size": [2, 1]}),
        dff=values,
        frame_times=times,
        mean_image=np.zeros((4, 5)),
        roi_pixels=zarr.array(np.array([6, 7, 19])),  # as it comes from the store; it has no len()
        roi_weights=np.array([0.5, 1.0, 2.0]),
        roi_offsets=np.array([0, 2, 3]),
    )
    file = to_nwb(exported.content(exported.spiking(), "movie", fluorescence=found))
    plane = file.processing["ophys"]["ImageSegmentation"]["PlaneSegmentation"]
    assert [mask.tolist() for mask in plane["pixel_mask"][:]] == [[(1, 1, 0.5), (2, 1, 1.0)], [(4, 3, 2.0)]]


def test_sorted_units_stand_for_voltage():
    sorts = {
        name: SortedSpikes(
            times=np.array(times), offsets=np.array([0, len(times)]), units=pd.DataFrame({"unit": [5]}),
            rejected=pd.DataFrame({"unit": [], "why": []}),
        )
        for name, times in (("sorted_spikes__lupin", [0.5, 1.0]), ("sorted_spikes__simple", [0.5]))
    }  # fmt: skip
    session = exported.content(exported.voltage(), "voltage", **sorts)
    session = type(session)(**(vars(session) | {"source": "sorted_spikes/simple"}))
    file = to_nwb(session)
    assert file.units["spike_times"][0].tolist() == [0.5]
    assert file.units.id[:].tolist() == [5]
    assert file.units.resolution == 1 / 20_000
    assert file.processing["sorting"]["lupin"]["spike_times"][0].tolist() == [0.5, 1.0]


def test_dois_are_found_in_citations():
    assert dois("A (2020) doi:10.1038/s41586-019-1787-x; and doi:10.7554/eLife.85786.") == [
        "doi:10.1038/s41586-019-1787-x",
        "doi:10.7554/eLife.85786",
    ]


def test_without_pynwb_the_way_out_is_said(monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(BadInput, match="pip install 'neuropipe\\[export\\]'"):
        write(exported.full(), tmp_path / "x.nwb")

"""Folders: which reader recognises what, at whatever depth, and that nothing outside of a folder is taken."""

import json

import numpy as np
import pandas as pd
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.readers.folders import Folder, recording_in
from tests.readers import voltage_formats
from tests.readers.signal_files import alf


def found(folder, **parameters):
    """(reader, {name: path relative to the folder})"""
    plugin, files = recording_in(folder, readers.registry, parameters)
    return plugin.name, {name: path.relative_to(folder.resolve()).as_posix() for name, path in files.items()}


def test_spikeglx_by_its_spike_band_and_the_meta_beside_it(tmp_path):
    probe = tmp_path / "run_g0" / "run_g0_imec0"
    probe.mkdir(parents=True)
    voltage_formats.spikeglx(probe)
    stem = "run_g0_t0.imec0"
    for ending in ("bin", "meta"):
        (probe / f"{stem}.lf.{ending}").write_bytes(b"0")
    (probe.parent / "run_g0_t0.nidq.bin").write_bytes(b"0")
    kind, files = found(tmp_path)
    assert kind == "spikeglx"
    assert set(files) == {f"{stem}.ap.bin", f"{stem}.ap.meta"}
    read = readers.get(kind).load()({name: tmp_path / path for name, path in files.items()})
    assert read.voltage.samples.shape == voltage_formats.STEPS.shape
    (probe / f"{stem}.ap.meta").unlink()
    with pytest.raises(BadInput, match=r"there is no run_g0_t0\.imec0\.ap\.meta"):
        found(tmp_path)


def test_several_probes_are_several_recordings(tmp_path):
    for probe in ("imec0", "imec1"):
        (tmp_path / probe).mkdir()
        for ending in ("bin", "meta"):
            (tmp_path / probe / f"run_g0_t0.{probe}.ap.{ending}").write_bytes(b"0")
    with pytest.raises(BadInput, match=r"holds 2 recordings; add one of them at a time: .*imec0 \(spikeglx\), .*imec1"):
        found(tmp_path)
    assert found(tmp_path, stream="imec1.ap")[1].keys() == {"run_g0_t0.imec1.ap.bin", "run_g0_t0.imec1.ap.meta"}


def test_open_ephys_with_its_probe_and_trials(tmp_path):
    voltage_formats.open_ephys(tmp_path)  # emptied into one folder
    pd.DataFrame({"start": [0.0]}).to_csv(tmp_path / "trials.csv", index=False)
    kind, files = found(tmp_path)
    assert kind == "open_ephys"
    assert set(files) == {
        "structure.oebin", "continuous.dat", "sample_numbers.npy", "timestamps.npy", "probe.csv", "trials.csv"
    }  # fmt: skip
    (tmp_path / "continuous.dat").unlink()
    with pytest.raises(BadInput, match=r"describes the stream .*, but there is no continuous\.dat"):
        found(tmp_path)


SETTINGS = """\
<SETTINGS><INFO><VERSION>0.6.4</VERSION></INFO><SIGNALCHAIN>
<PROCESSOR name="Neuropix-PXI" libraryVersion="0.5.0" nodeId="100"><STREAM name="ProbeA-AP"/><EDITOR>
<NP_PROBE slot="2" port="1" dock="1" probe_serial_number="1" probe_part_number="NP1000" probe_name="Neuropixels 1.0">
<CHANNELS CH0="0" CH1="0" CH2="0" CH3="0"/>
<ELECTRODE_XPOS CH0="27" CH1="59" CH2="11" CH3="43"/><ELECTRODE_YPOS CH0="0" CH1="0" CH2="20" CH3="20"/>
</NP_PROBE></EDITOR></PROCESSOR><PROCESSOR name="Record Node" nodeId="101"/></SIGNALCHAIN></SETTINGS>
"""


def test_the_sites_of_neuropixels_come_from_the_settings_of_the_experiment(tmp_path):
    folder = tmp_path / "Record Node 101" / "experiment2" / "recording1"
    stream = folder / "continuous" / "Neuropix-PXI-100.ProbeA-AP"
    stream.mkdir(parents=True)
    voltage_formats.open_ephys(folder)
    (folder / "probe.csv").unlink()
    for name in ("continuous.dat", "sample_numbers.npy", "timestamps.npy"):
        (folder / name).rename(stream / name)
    structure = json.loads((folder / "structure.oebin").read_text())
    structure["continuous"][0] |= {"folder_name": f"{stream.name}/", "source_processor_name": "Neuropix-PXI"}
    (folder / "structure.oebin").write_text(json.dumps(structure))
    (tmp_path / "Record Node 101" / "settings.xml").write_text("<SETTINGS/>")  # of another experiment
    (tmp_path / "Record Node 101" / "settings_2.xml").write_text(SETTINGS)
    kind, files = found(tmp_path)
    assert files["settings.xml"] == "Record Node 101/settings_2.xml"
    paths = {name: tmp_path / path for name, path in files.items()}
    channels = readers.get(kind).load()(paths).voltage.channels
    assert channels["x"].diff().tolist()[1:] == [32.0, -48.0, 32.0]
    assert channels["y"].tolist() == [0.0, 0.0, 20.0, 20.0]
    assert channels["sample_shift"].tolist() == pytest.approx([0, 0, 1 / 13, 1 / 13])  # 13 time slots per converter
    own = voltage_formats.with_probe(paths, tmp_path)  # what a user says of the probe comes first
    assert readers.get(kind).load()(own).voltage.channels["x"].tolist() == [0.0, 20.0, 0.0, 20.0]


def test_planes_of_suite2p(tmp_path):
    plane = tmp_path / "suite2p" / "plane0"
    plane.mkdir(parents=True)
    for name in ("F", "Fneu", "iscell", "spks", "ops"):
        np.save(plane / f"{name}.npy", np.zeros((2, 9)))
    assert found(tmp_path) == (
        "suite2p", {f"{name}.npy": f"suite2p/plane0/{name}.npy" for name in ("F", "Fneu", "iscell")}
    )  # fmt: skip


def test_sessions_of_a_release_are_added_one_by_one(tmp_path):
    for name in ("Cori_2016-12-14", "Moniz_2017-05-16"):
        (tmp_path / name).mkdir()
        alf(tmp_path / name)
    with pytest.raises(BadInput, match=r"holds 2 recordings.*Cori_2016-12-14 \(alf\), .*Moniz_2017-05-16 \(alf\)"):
        found(tmp_path)
    kind, files = found(tmp_path / "Cori_2016-12-14")
    assert kind == "alf"
    assert files["spikes.times.npy"] == "spikes.times.npy"


def test_hidden_files_and_links_to_folders_are_passed_over(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    alf(outside)
    inside = tmp_path / "inside"
    (inside / ".git").mkdir(parents=True)
    (inside / ".git" / "spikes.times.npy").write_bytes(b"0")
    (inside / "readme.txt").write_text("no data")
    (inside / "session").symlink_to(outside)
    folder = Folder.of(inside)
    assert folder.files == ("readme.txt",)
    assert folder.outside == {"session"}
    with pytest.raises(BadInput, match="Links that lead out are not followed: session"):
        found(inside)


def test_a_circle_of_links_ends(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    with pytest.raises(BadInput, match="holds no recording that is recognised"):
        found(tmp_path)

"""Reads raw voltage of the Open Ephys GUI in its binary format: structure.oebin with continuous.dat."""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.readers.archives import read_npy_header
from neuropipe.readers.arrays import listed
from neuropipe.readers.folders import Folder, Found, is_probe, with_probe
from neuropipe.readers.voltage_files import extracted, own_files, recording_of
from neuropipe.recording import BinaryFile, Recording
from neuropipe.registry import reader

STRUCTURE, SAMPLES, SETTINGS = "structure.oebin", "continuous.dat", "settings.xml"
NODE = "Record Node 101"
CLOCK = ("sample_numbers.npy", "timestamps.npy")
FOLDER = f"{NODE}/experiment1/recording1"


@reader(
    "open_ephys",
    tools=("spikeinterface", "neo", "probeinterface"),
    folder="in_folder",
    folder_is="structure.oebin with continuous/*/continuous.dat, of the Open Ephys GUI",
)
def read(files: Mapping[str, Path], *, stream: str | None = None) -> Recording:
    """An Open Ephys recording; its continuous.dat is sorted where it lies, not copied.

    Of a recording's folder give structure.oebin, and of one stream continuous.dat with sample_numbers.npy and
    timestamps.npy; settings.xml of the experiment says where the sites of a Neuropixels probe lie. stream : name of the
    stream's folder in structure.oebin, where it describes several
    """
    own = own_files(files)
    missing = [name for name in (STRUCTURE, SAMPLES) if name not in own]
    if missing:
        raise BadInput(f"an Open Ephys recording needs {listed(missing)}, found {listed(own)}")
    described = _stream(own[STRUCTURE], stream)
    width, place = int(described["num_channels"]), str(described["folder_name"]).strip("/")
    places = {STRUCTURE: f"{FOLDER}/{STRUCTURE}"}
    places |= {name: f"{FOLDER}/continuous/{place}/{name}" for name in own if name.endswith((".dat", ".npy"))}
    if SETTINGS in own and not any(is_probe(name) for name in files):
        places[SETTINGS] = f"{NODE}/{SETTINGS}"
    if ".." in place.split("/") or place.startswith("/"):
        raise BadInput(f"{STRUCTURE} names a folder outside of its recording: {place}")

    def address(source: Any) -> BinaryFile:
        columns = tuple(range(source.get_num_channels()))
        return BinaryFile.of(own[SAMPLES], "<i2", width, columns=columns, name=SAMPLES)

    def open_folder(folder: Path) -> Any:
        from spikeinterface.extractors import read_openephys

        _check_numbers(own, BinaryFile.of(own[SAMPLES], "<i2", width, name=SAMPLES).shape[0])
        only = {"continuous": [described]}
        structure = folder / FOLDER / STRUCTURE
        structure.unlink()
        content = json.loads(own[STRUCTURE].read_text(encoding="utf-8"))
        structure.write_text(json.dumps({**content, "events": [], "spikes": [], **only}), encoding="utf-8")
        return read_openephys(folder, load_sync_timestamps=False)

    voltage = extracted(files, places, open_folder, "Open Ephys", address)
    return recording_of(voltage, files)


def in_folder(folder: Folder, parameters: Mapping[str, Any]) -> list[Found]:
    """The recordings of an Open Ephys folder: each structure.oebin, with one stream of continuous data."""
    found = []
    for file in folder.named(STRUCTURE):
        place = PurePosixPath(file).parent
        stream = str(_stream(folder.path(file), parameters.get("stream"))["folder_name"]).strip("/")
        samples = str(place / "continuous" / stream / SAMPLES)
        if samples not in folder.files:
            # A folder may have been emptied into one, as readers and archives do.
            samples = str(place / SAMPLES)
        if samples not in folder.files:
            raise BadInput(f"{folder.root / file} describes the stream {stream}, but there is no {samples}: copy it")
        beside = folder.beside(samples)
        own = {name: beside[name] for name in (SAMPLES, *CLOCK) if name in beside} | _settings(folder, place)
        found.append(Found(str(place), with_probe(folder, file, {STRUCTURE: file} | own)))
    return found


def _check_numbers(own: Mapping[str, Path], n_samples: int) -> None:
    """Refuse samples that don't have a number each: continuous.dat was cut short, or samples were lost between."""
    if CLOCK[0] not in own:
        return
    with own[CLOCK[0]].open("rb") as file:
        shape, _, kind = read_npy_header(file, CLOCK[0])
        if shape != (n_samples,) or kind.kind not in "iu":
            raise BadInput(
                f"{CLOCK[0]} holds {kind} {shape}, and {SAMPLES} {n_samples:,} samples: one of them was cut short, "
                "copy both again"
            )
        if own[CLOCK[0]].stat().st_size - file.tell() != n_samples * kind.itemsize:
            raise BadInput(f"{CLOCK[0]} was cut short; copy it again")
        first = np.frombuffer(file.read(kind.itemsize), kind)
        file.seek(-kind.itemsize, 2)
        last = np.frombuffer(file.read(), kind)
    lost = int(last[0]) - int(first[0]) + 1 - n_samples
    if lost:
        raise BadInput(
            f"{CLOCK[0]}: {abs(lost):,} samples were {'lost' if lost > 0 else 'counted twice'} while recording, so "
            "that times after them are wrong; make each part without a gap a session of its own"
        )


def _settings(folder: Folder, recording: PurePosixPath) -> dict[str, str]:
    """The settings of the experiment that a recording is of: settings.xml of its record node, or settings_<n>.xml."""
    number = recording.parent.name.removeprefix("experiment")
    name = SETTINGS if number in ("", "1") else f"settings_{number}.xml"
    path = str(recording.parent.parent / name)
    return {SETTINGS: path} if path in folder.files else {}


def _stream(path: Path, wanted: str | None) -> dict[str, Any]:
    try:
        streams = json.loads(path.read_text(encoding="utf-8"))["continuous"]
        names = [str(each["folder_name"]).strip("/") for each in streams]
        if not all(int(each["num_channels"]) > 0 for each in streams):
            raise ValueError("a stream has no channels")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{STRUCTURE} can't be read as Open Ephys writes it ({error}): copy it again") from error
    chosen = [each for each, name in zip(streams, names, strict=True) if wanted in (None, name)]
    if len(chosen) != 1:
        raise BadInput(f"{STRUCTURE} describes the streams {listed(names)}; name one with `stream: ` in the parameters")
    return chosen[0]

"""Reads raw voltage of SpikeGLX: a .bin file with its .meta beside it."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.readers.arrays import listed
from neuropipe.readers.folders import Folder, Found, with_probe
from neuropipe.readers.voltage_files import extracted, own_files, recording_of
from neuropipe.recording import BinaryFile, Recording
from neuropipe.registry import reader


@reader(
    "spikeglx",
    tools=("spikeinterface", "neo", "probeinterface"),
    folder="in_folder",
    folder_is="one *.ap.bin with its .meta, of SpikeGLX",
)
def read(files: Mapping[str, Path], *, stream: str | None = None) -> Recording:
    """A SpikeGLX recording (<run>_g0_t0.imec0.ap.bin and .meta); the .bin is sorted where it lies, not copied.

    stream : which one where there are several, e.g. imec0.ap
    """
    own = own_files(files)
    binaries = sorted(name for name in own if name.endswith(".bin") and (stream is None or f".{stream}." in name))
    if len(binaries) != 1:
        wanted = f" of the stream {stream}" if stream else ""
        raise BadInput(f"one .bin file{wanted} is expected with its .meta, found {len(binaries)} among {listed(own)}")
    binary = binaries[0]
    meta = f"{binary.removesuffix('.bin')}.meta"
    if meta not in own:
        raise BadInput(f"beside {binary} there is no {meta}: add it, it says what was recorded")
    n_saved = _saved_channels(own[meta], meta)

    def address(source: Any) -> BinaryFile:
        # The synchronisation channel is saved last and is none of the probe's.
        columns = tuple(range(source.get_num_channels()))
        return BinaryFile.of(own[binary], "<i2", n_saved, columns=columns, name=binary)

    def open_folder(folder: Path) -> Any:
        from spikeinterface.extractors import read_spikeglx

        BinaryFile.of(own[binary], "<i2", n_saved, name=binary)  # refuses a file that was cut short
        return read_spikeglx(folder, stream_id=".".join(binary.split(".")[-3:-1]))

    voltage = extracted(own | _probe(files), {name: name for name in (binary, meta)}, open_folder, "SpikeGLX", address)
    return recording_of(voltage, files)


def in_folder(folder: Folder, parameters: Mapping[str, Any]) -> list[Found]:
    """The spike bands of a SpikeGLX folder: each .ap.bin (or .bin of `stream`) with a .meta beside it."""
    stream = parameters.get("stream")
    ending = f".{stream}.bin" if stream else ".ap.bin"
    found = []
    for file in (file for file in folder.files if file.endswith(ending)):
        name, beside = PurePosixPath(file).name, folder.beside(file)
        meta = f"{name.removesuffix('.bin')}.meta"
        if meta not in beside:
            raise BadInput(f"beside {folder.root / file} there is no {meta}: add it, it says what was recorded")
        found.append(Found(str(PurePosixPath(file).parent), with_probe(folder, file, {name: file, meta: beside[meta]})))
    return found


def _probe(files: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in files.items() if name not in own_files(files)}


def _saved_channels(path: Path, name: str) -> int:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "nSavedChans" and value.strip().isdigit():
            return int(value)
    raise BadInput(f"{name} doesn't say nSavedChans: it is no .meta file of SpikeGLX, or was cut short")

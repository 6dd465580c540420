"""Files with changed bytes are read, or refused in one line: no other error, however they were damaged."""

import gzip
import io
import random
import shutil
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.readers.matlab_structure import check_structure
from neuropipe.recording import Recording
from tests.cli import recording_folders
from tests.readers.formats import EXAMPLES
from tests.readers.voltage_formats import VOLTAGE_EXAMPLES

N_DAMAGES = 30
HEAD = 2048  # bytes in which half of the damages lie
WORDS = (b"nan", b"inf", b"-1", b"1e400", b"9" * 20, b"\n\n", b'""', b"{}", b"null")


def phy(folder: Path) -> dict[str, Path]:
    root = recording_folders.phy(folder / "phy", recording_folders.decisions(n_trials=4, n_units=4))
    (root / "cluster_info.tsv").write_text("cluster_id\tdepth\n0\t1.0\n1\t2.0\n2\t3.0\n3\t4.0\n")
    return {path.name: path for path in root.iterdir()}


def written(kind: str, folder: Path) -> tuple[dict[str, Path], dict]:
    """A sound recording and the parameters of its reader."""
    if kind == "phy":
        return phy(folder), {}
    if kind in VOLTAGE_EXAMPLES:
        return VOLTAGE_EXAMPLES[kind].write(folder), VOLTAGE_EXAMPLES[kind].parameters
    path = EXAMPLES[kind].write(folder)
    return {path.name: path} | {name: path.parent / name for name in EXAMPLES[kind].beside}, EXAMPLES[kind].parameters


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The same bytes with bits turned, bytes replaced, put in or left out, or cut short."""
    data = bytearray(content)
    at = rng.randrange(min(len(data), HEAD) if rng.random() < 0.5 else len(data))
    how = rng.randrange(5)
    if how == 0:
        for _ in range(rng.choice((1, 2, 8))):
            data[(at + rng.randrange(16)) % len(data)] ^= 1 << rng.randrange(8)
    elif how == 1:
        data[at : at + 4] = rng.choice((b"\xff", b"\x00", b"\x7f")) * 4
    elif how == 2:
        del data[at:]
    elif how == 3:
        data[at:at] = rng.randbytes(rng.randrange(1, 9))
    else:
        word = rng.choice(WORDS)
        data[at : at + len(word)] = word
    return bytes(data)


def damage(path: Path, rng: random.Random) -> None:
    """Damage a file, or what is packed in it, so that its checksums still fit."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        path.write_bytes(gzip.compress(damaged(gzip.decompress(content), rng)))
    elif content[:2] == b"PK" and rng.random() < 0.7:
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
            chosen = rng.choice(old.namelist())
            for name in old.namelist():
                held = old.read(name)
                new.writestr(name, damaged(held, rng) if name == chosen else held)
        path.write_bytes(packed.getvalue())
    else:
        path.write_bytes(damaged(content, rng))


@pytest.mark.parametrize("kind", [*EXAMPLES, *VOLTAGE_EXAMPLES, "phy"])
def test_changed_bytes_are_read_or_refused_in_one_line(kind, tmp_path):
    (tmp_path / "sound").mkdir()
    sound, parameters = written(kind, tmp_path / "sound")
    read = readers.get(kind).load()
    refusals = []
    for attempt in range(N_DAMAGES):
        rng = random.Random(f"{kind} {attempt}")
        place = tmp_path / str(attempt)
        place.mkdir()
        files = {name: Path(shutil.copy(path, place)) for name, path in sound.items()}
        damage(files[rng.choice(sorted(files))], rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                recording = read(files, **parameters)
                assert isinstance(recording, Recording)
                assert recording.spikes is None or np.isfinite(recording.spikes.times).all()
            except BadInput as error:
                refusals.append(str(error))
    assert len(refusals) >= N_DAMAGES // 10
    assert [words for words in refusals if not words.isprintable() or len(words) > 2000] == []


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def array(kind: int, shape: tuple[int, ...], *parts: bytes, flags: int = 0) -> bytes:
    sizes = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, element(6, struct.pack("<II", kind | flags, 0)) + sizes + element(1, b"") + b"".join(parts))


NUMBERS = element(9, struct.pack("<2d", 1.0, 2.0))
TWO = array(6, (1, 2), NUMBERS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (array(6, (1, 9), NUMBERS), "9 numbers or characters has data for 2"),
        (array(6, (1, 2), NUMBERS, flags=0x800), "the end of its data|cut short|lies? in"),
        (array(1, (2, 2), TWO), "the end of its data|lies? in"),
        (array(1, (1, 1 << 30), TWO), "arrays lie in"),
        (array(1, (1, -4), TWO), "has the size"),
        (array(1, (1, 1), element(9, b"12345678")), "stands where an array is due"),
        (array(2, (1, 1), element(5, struct.pack("<i", 0)), element(1, b"")), "names of a struct"),
        (array(77, (1, 1), NUMBERS), "of kind 77"),
        (array(6, (1, 2), element(99, b"x" * 16)), "of type 99"),
        (TWO[:-8], "lies in the last"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_matlab_files_that_would_crash_scipy_are_refused(content, said, packed, tmp_path):
    path = tmp_path / "a.mat"
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x100) + b"IM"
    if packed:
        squeezed = zlib.compress(content)
        content = struct.pack("<II", 15, len(squeezed)) + squeezed
        said = f"{said}|lies? in|end of its data"
    path.write_bytes(header + content)
    with pytest.raises(BadInput, match=said):
        check_structure(path, "a.mat")


@pytest.mark.parametrize("compressed", [False, True])
def test_matlab_files_of_every_kind_pass(compressed, tmp_path):
    import scipy.io
    import scipy.sparse

    cells = np.empty((2, 2), object)
    cells[:] = [[np.arange(3), "text"], [np.empty((0, 0)), np.array([[True]])]]
    held = {
        "cells": cells,
        "struct": {"a": 1.0, "long_name": cells, "": 0} | {"none": np.empty((0, 3))},
        "complex": np.ones((3, 2)) * 1j,
        "sparse": scipy.sparse.csc_array(np.eye(4)),
        "words": np.array(["ab", "cde", "ü"]),
        "large": np.zeros((300, 1001), np.uint8),
    }
    del held["struct"][""]
    scipy.io.savemat(tmp_path / "a.mat", held, do_compression=compressed)
    check_structure(tmp_path / "a.mat", "a.mat")


def test_an_hdf5_array_that_claims_more_than_the_file_holds_is_refused_unread(tmp_path):
    import h5py

    from neuropipe.readers.hdf5 import member, opened

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("huge", (1 << 40,), "f8", chunks=(1024,))
        file["type"] = np.dtype("f8")
    for key, said in (("huge", "claims 8,796,093,022,208 bytes"), ("type", "type is no array")):
        with pytest.raises(BadInput, match=said), opened(tmp_path / "a.h5", "a.h5", "HDF5") as file:
            member(file, key, "a.h5")


def test_messages_are_one_line_whatever_a_file_put_into_them():
    assert str(BadInput("no column a\x00b;\nit has x\n")) == "no column a\\x00b; it has x"

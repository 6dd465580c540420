"""Plain data in pickled numpy arrays: read equal to numpy's own reader, with nothing in the file ever run."""

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neuropipe.errors import BadInput
from neuropipe.readers import numpy_pickles
from neuropipe.readers.numpy_pickles import load_object_npy, load_object_npy_member
from tests.readers.formats import Trap

RNG = np.random.default_rng(0)
SESSION = {
    "spks": RNG.poisson(0.1, (3, 4, 5)).astype(np.int8),
    "fortran": np.asfortranarray(RNG.normal(size=(3, 4))),
    "empty": np.empty((0, 3)),
    "area": np.array(["VISp", "CA1"]),
    "bytes": np.array([b"ab", b"c"]),
    "complex": np.array([1 + 2j]),
    "mask": np.array([True, False]),
    "name": "Corí",
    "counts": [1, -2, 2**40, True, None, 0.5],
    "pair": (1, "a", ()),
    "scalar": np.float64(0.25),
    "whole": np.int64(7),
    "yes": np.bool_(True),
    "raw": b"\x00\xff" * 200,
    "stat": np.array([{"npix": np.int32(3), "ypix": np.arange(3)}, {"npix": np.int32(4), "ypix": np.arange(4)}]),
    5: "a number as key",
}


def npy(path: Path, body: bytes, shape: tuple = ()) -> Path:
    """An .npy file of objects with these bytes as its pickle."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": shape})
    path.write_bytes(header.getvalue() + body)
    return path


def same(found, expected) -> None:
    """Equal, with equal types."""
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        if expected.dtype.hasobject:
            for one, other in zip(found.ravel(), expected.ravel(), strict=True):
                same(one, other)
        else:
            np.testing.assert_array_equal(found, expected)
    elif isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    else:
        assert type(found) is type(expected)
        assert found == expected


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_dictionary_of_arrays_is_what_numpy_reads(tmp_path, protocol):
    whole = np.array(SESSION, dtype=object)
    path = npy(tmp_path / "dat.npy", pickle.dumps(whole, protocol))
    same(np.load(path, allow_pickle=True).item(), SESSION)
    same(load_object_npy(path), SESSION)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_byte_order_of_numbers_is_heeded(tmp_path, protocol):
    held = {"big": np.arange(4, dtype=">f4"), "little": np.arange(4, dtype="<i2"), "text": np.array(["aé"], ">U2")}
    found = load_object_npy(npy(tmp_path / "dat.npy", pickle.dumps(np.array(held, dtype=object), protocol)))
    for name, values in held.items():
        np.testing.assert_array_equal(found[name], values)


def test_what_numpy_saves_itself_is_read_from_files_and_archives(tmp_path):
    sessions = np.array([SESSION, {"spks": np.zeros(2)}], dtype=object)
    np.save(tmp_path / "all.npy", sessions, allow_pickle=True)
    np.savez_compressed(tmp_path / "part0.npz", dat=sessions, plain=np.arange(3))
    same(load_object_npy(tmp_path / "all.npy"), sessions)
    same(load_object_npy_member(tmp_path / "part0.npz", "dat.npy"), sessions)
    same(load_object_npy_member(tmp_path / "part0.npz", "plain.npy"), np.arange(3))
    np.save(tmp_path / "plain.npy", np.arange(3))
    same(load_object_npy(tmp_path / "plain.npy"), np.arange(3))


def test_files_written_by_python_2_are_read(tmp_path):
    """Protocol 2 as Python 2 wrote it: text and array data are byte strings (opcodes U and T)."""
    raw = np.array([1.5, -2.0]).tobytes()
    body = b"\x80\x02}U\x01xcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    body += (
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    body += b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tbs."
    found = load_object_npy(npy(tmp_path / "two.npy", body))
    np.testing.assert_array_equal(found["x"], [1.5, -2.0])


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


class Plain:
    """An object of a class of its own."""

    def __init__(self):
        self.x = 1


HOSTILE = {
    "os.system": Calls(os.system, "touch sprung"),
    "subprocess": Calls(subprocess.check_output, ["touch", "sprung"]),
    "eval": Calls(eval, "__import__('os').mkdir('sprung')"),
    "getattr": Calls(getattr, Calls(__import__, "os"), "system"),
    "numpy.load": Calls(np.load, "other.npy"),
    "numpy.fromfile": Calls(np.fromfile, "/etc/hostname"),
    "numpy.memmap": Calls(np.memmap, "sprung"),
    "a class": Plain(),
    "a type": dict,
    "a set": {1, 2},
    "a trap in a list": [1, {"deep": Trap(Path("sprung"))}],
    "structured": np.zeros(2, [("a", "i4")]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "nested call": Calls(np.dtype, Calls(os.getcwd)),
    "huge array": Calls(np.ndarray, (1 << 40,)),
    "huge integer": 1 << 4000,
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("attack", HOSTILE)
def test_everything_else_is_refused_and_never_run(tmp_path, monkeypatch, attack, protocol):
    monkeypatch.chdir(tmp_path)
    held = np.empty((), object)
    held[()] = {"x": HOSTILE[attack]}
    path = npy(tmp_path / "dat.npy", pickle.dumps(held, protocol))
    with pytest.raises(BadInput, match=r"dat\.npy"):
        load_object_npy(path)
    with zipfile.ZipFile(tmp_path / "part.npz", "w") as archive:
        archive.write(path, "dat.npy")
    with pytest.raises(BadInput, match=r"dat\.npy of .*part\.npz"):
        load_object_npy_member(tmp_path / "part.npz", "dat.npy")
    assert not Path("sprung").exists()


def laughs() -> bytes:
    """Lists of lists that hold each other ten times, forty deep: 10^40 if they were written out."""
    body = b"\x80\x02]q\x00"
    for level in range(1, 40):
        body += b"0](" + b"".join(b"h" + bytes([level - 1]) for _ in range(10)) + b"eq" + bytes([level])
    return body + b"."


def array_of(shape: bytes, data: bytes, spec: bytes = b"f8") -> bytes:
    """A pickle of an array with this shape and data, as opcodes."""
    made = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01" + shape
    made += b"cnumpy\ndtype\nX" + struct.pack("<I", len(spec)) + spec + b"\x89\x88\x87R"
    return made + b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + data + b"tb."


RAW = {
    "more bytes claimed than there are": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 50) + b"abc.",
    "an integer of negative length": b"\x80\x02\x8b" + struct.pack("<i", -5) + b"K\x01.",
    "a frame that lies": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60),
    "a memo far away": b"\x80\x02r\xff\xff\xff\xff.",
    "an array larger than its data": array_of(b"\x8a\x06" + b"\xff" * 5 + b"\x00\x85", b"C\x00"),
    "a negative shape": array_of(b"J\xff\xff\xff\xff\x85", b"C\x00"),
    "a shape of text": array_of(b"X\x01\x00\x00\x003\x85", b"C\x00"),
    "objects fewer than the shape": array_of(b"K\x03\x85", b"]", b"O8"),
    "void": array_of(b"K\x00\x85", b"C\x00", b"V9"),
    "an extension": b"\x80\x02\x82\x01.",
    "an object from outside": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "a new object": b"\x80\x02cnumpy\nndarray\n(K\x09t\x81.",
    "an array shape by constructor": b"\x80\x02cnumpy\nndarray\nK\x09\x85R.",
    "a dtype alone": b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R.",
    "a name alone": b"\x80\x02cnumpy\nndarray\n.",
    "an array without content": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R.",
    "a list that holds itself": b"\x80\x02]q\x00h\x00a.",
    "key of nested tuples": b"\x80\x02})" + b"2\x86" * 60 + b"K\x01s.",
    "nothing": b"",
    "no end": b"\x80\x02}",
    "empty stack": b"\x80\x02R.",
    "two values": b"\x80\x02NN.",
    "no mark": b"\x80\x02Nt.",
    "a name without end": b"\x80\x02c" + b"a" * 10_000,
}


@pytest.mark.parametrize("attack", RAW)
def test_damaged_and_hostile_instructions_are_refused(tmp_path, attack):
    with pytest.raises(BadInput, match=r"dat\.npy"):
        load_object_npy(npy(tmp_path / "dat.npy", RAW[attack]))


def test_lists_that_hold_each_other_many_times_take_no_memory(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = load_object_npy(npy(tmp_path / "dat.npy", laughs()))
    assert len(found) == 10
    assert found[0] is found[9]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


@pytest.mark.parametrize("keep", [0, 1, 20, 0.3, 0.6, 0.99])
def test_cut_files_are_refused_by_name(tmp_path, keep):
    whole = pickle.dumps(np.array(SESSION, dtype=object), 4)
    body = whole[: keep if isinstance(keep, int) else int(keep * len(whole))]
    with pytest.raises(BadInput, match=r"dat\.npy: its pickled objects are damaged or cut short"):
        load_object_npy(npy(tmp_path / "dat.npy", body))


def test_flipped_bytes_raise_nothing_but_bad_input(tmp_path):
    whole = bytearray(pickle.dumps(np.array({"a": np.arange(3), "b": ["x", 1.5]}, dtype=object), 4))
    for place in range(len(whole)):
        for flip in (0x01, 0x80, 0xFF):
            body = bytearray(whole)
            body[place] ^= flip
            try:
                load_object_npy(npy(tmp_path / "dat.npy", bytes(body)))
            except BadInput:
                continue


def test_no_unpickler_is_loaded_by_reading():
    """The instructions are followed by the reader itself; the module names no unpickler at all."""
    code = "import sys, neuropipe.readers.numpy_pickles as m; assert 'pickle' not in vars(m)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "import pickle" not in Path(numpy_pickles.__file__).read_text()


def test_instructions_in_any_order_raise_nothing_but_bad_input():
    """Random instructions put into good pickles; seeded, so that what fails once fails again."""
    rng = np.random.default_rng(3)
    steps = np.frombuffer(b"".join(numpy_pickles._STEPS) + b".", np.uint8)
    whole = [pickle.dumps(np.array({"a": np.arange(3), "b": ["x", (1,)]}, dtype=object), p) for p in (2, 3, 4, 5)]
    for _ in range(3000):
        body = bytearray(whole[rng.integers(4)])
        for at in rng.integers(0, len(body), 3):
            body[at : at + rng.integers(0, 4)] = rng.choice(steps, rng.integers(0, 3)).tobytes()
        try:
            numpy_pickles._read(io.BytesIO(bytes(body)), "dat.npy")
        except BadInput:
            continue

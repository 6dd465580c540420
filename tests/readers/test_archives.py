"""Zip members and .npy arrays: what is sound is read as numpy reads it, what is not is refused in words."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy, load_npy_member, open_member, read_member, require_members

COUNTS = np.random.default_rng(0).poisson(0.3, (40, 7, 11)).astype(np.float64)


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


@pytest.fixture
def archive(tmp_path):
    return zipped(tmp_path / "binned.zip", {"data/binned_spikes.npy": npy(COUNTS), "data/choices.npy": npy(COUNTS[0])})


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_as_they_were_written(tmp_path, compression):
    archive = zipped(tmp_path / "a.zip", {"counts.npy": npy(COUNTS), "notes.txt": b"hello"}, compression)
    assert read_member(archive, "notes.txt") == b"hello"
    with open_member(archive, "notes.txt") as file:
        assert file.read(2) == b"he"
    array = load_npy_member(archive, "counts.npy")
    assert array.dtype == COUNTS.dtype
    np.testing.assert_array_equal(array, COUNTS)


dtypes = st.one_of(
    npst.integer_dtypes(),
    npst.unsigned_integer_dtypes(),
    npst.floating_dtypes(),
    npst.complex_number_dtypes(),
    npst.boolean_dtypes(),
    npst.unicode_string_dtypes(max_len=5),
    npst.datetime64_dtypes(),
    st.just(np.dtype([("x", "<f8"), ("name", "<U3")])),
)


@settings(max_examples=60, deadline=None)
@given(
    dtypes.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, min_side=0, max_side=4))), st.data()
)
def test_any_plain_array_comes_back_as_numpy_reads_it(array, data):
    array = np.asfortranarray(array) if data.draw(st.booleans()) else array
    body = npy(array, version=data.draw(st.sampled_from([(1, 0), (2, 0)])))
    found, expected = load_npy(io.BytesIO(body)), np.load(io.BytesIO(body))
    assert (found.dtype, found.shape, found.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    assert found.flags.f_contiguous == expected.flags.f_contiguous


def test_an_npy_file_and_the_rest_of_a_stream(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, COUNTS)
    np.testing.assert_array_equal(load_npy(path), COUNTS)
    stream = io.BytesIO(b"before" + npy(COUNTS))
    stream.seek(6)
    np.testing.assert_array_equal(load_npy(stream), COUNTS)
    with pytest.raises(BadInput, match=r"gone\.npy can't be read: No such file"):
        load_npy(tmp_path / "gone.npy")


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("array", [np.array([Bomb()]), np.array([(1, Bomb())], dtype=[("a", "i4"), ("b", "O")])])
def test_pickled_arrays_are_refused_and_never_unpickled(tmp_path, monkeypatch, array):
    monkeypatch.chdir(tmp_path)
    np.save("stat.npy", array, allow_pickle=True)
    with pytest.raises(BadInput, match=r"stat\.npy holds pickled Python objects .*pickled arrays are refused"):
        load_npy(tmp_path / "stat.npy")
    archive = zipped(tmp_path / "a.zip", {"stat.npy": (tmp_path / "stat.npy").read_bytes()})
    with pytest.raises(BadInput, match=r"stat\.npy of .*a\.zip holds pickled"):
        load_npy_member(archive, "stat.npy")
    assert not Path("unpickled").exists()


@pytest.mark.parametrize("cut", [0, 5, 9, 50, 127])
def test_a_header_that_is_cut_short_is_refused(cut):
    with pytest.raises(BadInput, match=r"the \.npy data is no \.npy file, or its header is damaged"):
        load_npy(io.BytesIO(npy(COUNTS)[:cut]))


@pytest.mark.parametrize("change", [-1, +1, -8])
def test_a_shape_that_does_not_fit_the_bytes_is_refused(change):
    body = npy(COUNTS)
    body = body + b"x" * change if change > 0 else body[:change]
    with pytest.raises(
        BadInput, match=rf"\(40, 7, 11\) values of float64, which are 24,640 bytes, but holds {24640 + change:,}"
    ):
        load_npy(io.BytesIO(body))


def header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1.5,), }",
        "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (1,), }",
        "__import__('os').mkdir('unpickled')",
        "(" * 5000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }" + " " * 20_000,
        "",
    ],
)
def test_hostile_headers_are_refused(text):
    with pytest.raises(BadInput):
        load_npy(io.BytesIO(header(text) + bytes(8)))


def test_the_newest_npy_version_is_refused_in_words():
    body = npy(np.zeros(1, dtype=[("café☕", "f8")]), version=(3, 0))
    with pytest.raises(BadInput, match=r"version \(3, 0\)"):
        load_npy(io.BytesIO(body))


def test_a_missing_member_brings_the_nearest(archive):
    require_members(archive, ["data/choices.npy", "data/binned_spikes.npy"])
    with pytest.raises(BadInput, match=r"no member 'choice.npy'; it holds data/choices.npy$"):
        require_members(archive, ["data/choices.npy", "choice.npy"])
    with pytest.raises(BadInput, match=r"it holds data/binned_spikes.npy, data/choices.npy$"):
        read_member(archive, "zzz")


@pytest.mark.parametrize(
    "name",
    [
        "../evil.npy",
        "a/../../evil.npy",
        "/etc/passwd",
        "C:/evil.npy",
        "c:evil",
        "..\\evil.npy",
        "\\evil",
        "a\\..\\..\\b",
        "..",
    ],
)
def test_an_archive_with_a_name_that_climbs_is_refused_whole(tmp_path, name):
    archive = zipped(tmp_path / "a.zip", {"counts.npy": npy(COUNTS), name: b"evil"})
    for member in ("counts.npy", name):
        with pytest.raises(BadInput, match=r"a\.zip holds .*a name that leaves its folder"):
            read_member(archive, member)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_names_that_only_look_like_climbing_are_read(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"..a/b..npy": b"1", "a...b": b"2"})
    assert read_member(archive, "..a/b..npy") == b"1"
    assert read_member(archive, "a...b") == b"2"


def test_a_nul_in_a_name_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"aXb": b"1"})
    archive.write_bytes(archive.read_bytes().replace(b"aXb", b"a\0b"))
    with pytest.raises(BadInput, match="leaves its folder"):
        read_member(archive, "a")


def test_links_encrypted_doubled_and_oddly_packed_members_are_refused(tmp_path):
    link = zipfile.ZipInfo("link.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as handle:
        handle.writestr(link, "/etc/passwd")
        handle.writestr("packed", b"1" * 100, zipfile.ZIP_BZIP2)
        handle.writestr("twice", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            handle.writestr("twice", b"2")
    for member, words in (("link.npy", "is a link"), ("packed", "packed by method 12"), ("twice", "holds 2 members")):
        with pytest.raises(BadInput, match=words):
            read_member(archive, member)
    zipped(archive, {"secret": b"1"})
    body = bytearray(archive.read_bytes())
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(body)
    with pytest.raises(BadInput, match="is encrypted"):
        read_member(archive, "secret")


def test_bombs_are_refused_by_size_and_by_ratio(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(70 << 20)})
    with pytest.raises(BadInput, match=r"would unpack to 73,400,320 bytes from [\d,]+ \(10\d\d:1\)"):
        read_member(archive, "zeros")
    assert len(read_member(archive, "zeros", max_ratio=1100.0)) == 70 << 20
    with pytest.raises(BadInput, match=r"at most 1,000 bytes"):
        read_member(archive, "zeros", max_bytes=1000, max_ratio=1100.0)


def test_a_declared_size_that_lies_unpacks_no_more_than_it_says(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(1 << 20)})
    body = archive.read_bytes().replace(struct.pack("<I", 1 << 20), struct.pack("<I", 1 << 10))
    archive.write_bytes(body)
    with pytest.raises(BadInput, match=r"cut short or damaged"):
        read_member(archive, "zeros")


def test_a_truncated_archive_is_named(archive):
    body = archive.read_bytes()
    for cut in (0, 10, len(body) // 2, len(body) - 1):
        archive.write_bytes(body[:cut])
        with pytest.raises(BadInput, match=r"binned\.zip can't be read as a zip archive, .*fetch it again"):
            load_npy_member(archive, "data/binned_spikes.npy")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_anywhere_is_found_or_harmless(archive, data):
    body = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = archive.with_name("damaged.zip")
    damaged.write_bytes(body)
    try:
        found = load_npy_member(damaged, "data/binned_spikes.npy")
    except BadInput:
        return
    np.testing.assert_array_equal(found, COUNTS)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_npy_header_raises_nothing_but_bad_input(data):
    body = bytearray(npy(COUNTS))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    try:
        found = load_npy(io.BytesIO(bytes(body)))
    except BadInput:
        return
    assert found.nbytes == COUNTS.nbytes


@pytest.mark.mirror
@pytest.mark.skipif("NEUROPIPE_MIRROR" not in os.environ, reason="NEUROPIPE_MIRROR is not set: no real recordings here")
def test_real_recordings_are_read_and_real_pickles_refused():
    mirror = Path(os.environ["NEUROPIPE_MIRROR"])
    (archive,) = mirror.rglob("Binned_data.zip")
    counts = load_npy_member(archive, "binned_spikes.npy")
    assert counts.shape == (228, 1089, 50)
    np.testing.assert_array_equal(
        np.unique(load_npy_member(archive, "choices.npy"), return_counts=True)[1], [94, 77, 57]
    )
    (pickled,) = mirror.rglob("stat.npy")
    with pytest.raises(BadInput, match="pickled arrays are refused"):
        load_npy(pickled)

"""What artifacts hold: Zarr with named axes, Parquet, JSON, folders; written once, the same bytes each time."""

import gc
import pickle

import numpy as np
import pandas as pd
import pytest
import zarr

from neuropipe.errors import BadInput
from resources.store.artifact import Artifact, Blocks, CorruptArtifact
from resources.store.manifest import seal, unseal
from resources.store.store import MANIFEST, ArtifactStore, digest

FINGERPRINT = digest("one")
COUNTS = np.random.default_rng(0).integers(0, 5, (60, 20, 7)).astype("u1")
DIMS = ("trial", "bin", "unit")


def committed(folder, fill) -> Artifact:
    store = ArtifactStore(folder)
    with store.draft() as draft:
        fill(draft)
        store.commit(draft, asset="a", fingerprint=FINGERPRINT, ingredients={})
    return store.open_verified("a", FINGERPRINT, "a")


def in_scratch(draft) -> zarr.Array:
    group = zarr.open_group(draft.scratch / "large.zarr", mode="w", zarr_format=3)
    array = group.create_array("counts", shape=COUNTS.shape, chunks=(16, 20, 7), dtype="u1")
    array[...] = COUNTS
    return array


def blocks() -> Blocks:
    regions = [(slice(at, min(at + 25, 60)), slice(0, 20), slice(0, 7)) for at in (0, 25, 50)]
    return Blocks(COUNTS.shape, "u1", (16, 20, 7), ((region, COUNTS[region]) for region in regions))


WAYS = {
    "numpy": lambda draft: COUNTS,
    "blocks": lambda draft: blocks(),
    "an array in scratch": in_scratch,
    "an array elsewhere": lambda draft: zarr.array(COUNTS, chunks=(16, 20, 7)),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_array_has_named_axes_and_the_same_bytes_however_it_is_given(tmp_path, way):
    def fill(draft, way):
        chunks = (16, 20, 7) if way == "numpy" else None
        draft.array("counts", WAYS[way](draft), dims=DIMS, attributes={"b": (1, 2), "a": np.int64(3)}, chunks=chunks)

    found = committed(tmp_path / "1", lambda draft: fill(draft, way))
    array = found.array("counts")
    assert array.metadata.dimension_names == DIMS
    assert array.attrs.asdict() == {"a": 3, "b": [1, 2]}
    np.testing.assert_array_equal(array[...], COUNTS)
    assert array.chunks == (16, 20, 7)
    assert found.data_version == committed(tmp_path / "2", lambda draft: fill(draft, "numpy")).data_version


def test_an_array_in_scratch_is_moved_and_can_be_read_until_the_commit(tmp_path):
    store = ArtifactStore(tmp_path)
    with store.draft() as draft:
        array = in_scratch(draft)
        inode = (draft.scratch / "large.zarr/counts/c/0/0/0").stat().st_ino
        draft.array("counts", array, dims=DIMS, attributes={})
        assert (draft.data / "arrays.zarr/counts/c/0/0/0").stat().st_ino == inode
        np.testing.assert_array_equal(array[...], COUNTS)
        made = store.commit(draft, asset="a", fingerprint=FINGERPRINT, ingredients={})
    np.testing.assert_array_equal(made.array("counts")[...], COUNTS)


def test_an_array_in_scratch_is_copied_where_other_chunks_are_asked_for(tmp_path):
    def fill(draft):
        draft.array("counts", in_scratch(draft), dims=DIMS, chunks=(60, 1, 7))

    found = committed(tmp_path, fill)
    assert found.array("counts").chunks == (60, 1, 7)
    np.testing.assert_array_equal(found.array("counts")[...], COUNTS)


def test_all_kinds_of_content_come_back(tmp_path):
    table = pd.DataFrame({"label": ["left", "right"], "start": [0.5, 1.25]})

    def fill(draft):
        draft.array("times", np.arange(3.0), dims=("time",))
        draft.array("none", np.zeros((0, 4), "f4"), dims=("event", "unit"))
        draft.array("one", np.float64(2.5), dims=())
        draft.array("behaviour/wheel/values", np.ones(2), dims=("time",))
        draft.array("truth/weights", np.eye(2), dims=("source", "target"))
        draft.table("trials", table)
        draft.json("classes", ["left", "right"])
        (draft.folder("model") / "weights").write_bytes(b"123")
        draft.metadata["units"] = 7
        draft.check("finite", True, description="no NaN", values=3)

    found = committed(tmp_path, fill)
    np.testing.assert_array_equal(found.array("times")[:], [0, 1, 2])
    assert found.array("none").shape == (0, 4)
    assert found.array("one")[...] == 2.5
    assert found.array("model") is None
    assert [(name, list(group)) for name, group in found.groups("behaviour")] == [("wheel", ["values"])]
    assert [(name, array.shape) for name, array in found.arrays_in("truth")] == [("weights", (2, 2))]
    assert list(found.arrays_in("behaviour")) == list(found.groups("nothing")) == []
    pd.testing.assert_frame_equal(found.table("trials"), table)
    assert list(found.table("trials", columns=["start"])) == ["start"]
    assert found.json("classes") == ["left", "right"]
    assert (found.folder("model") / "weights").read_bytes() == b"123"
    assert [found.has(name) for name in ("times", "trials", "classes", "model", "weights")] == [True] * 4 + [False]
    assert found.metadata == {"units": 7}
    assert found.checks["finite"]["metadata"] == {"values": 3}


def test_xarray_opens_the_arrays(tmp_path):
    xarray = pytest.importorskip("xarray")
    found = committed(tmp_path, lambda draft: draft.array("counts", COUNTS, dims=DIMS))
    opened = xarray.open_zarr(found.path / "data" / "arrays.zarr", consolidated=False)
    assert dict(opened.sizes) == {"trial": 60, "bin": 20, "unit": 7}
    np.testing.assert_array_equal(opened["counts"].to_numpy(), COUNTS)


def test_equal_content_gives_equal_bytes(tmp_path):
    def fill(draft):
        draft.array("x", np.arange(100_000.0).reshape(100, -1), dims=("a", "b"), attributes={"unit": "s"})
        draft.table("t", pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
        draft.json("j", {"b": 1, "a": 2})

    assert committed(tmp_path / "1", fill).data_version == committed(tmp_path / "2", fill).data_version


@pytest.mark.parametrize(
    ("fill", "error", "words"),
    [
        (lambda draft: [draft.array("x", np.ones(2), dims=("a",)) for _ in "12"], ValueError, "x was written already"),
        (lambda draft: [draft.json("x", 1) for _ in "12"], ValueError, "x.json was written already"),
        (lambda draft: draft.table("x", {"a": [1]}), TypeError, "the table x is a dict"),
        (lambda draft: draft.array("x", np.ones(2), dims=()), ValueError, "needs as many different axis names"),
        (lambda draft: draft.array("x", np.eye(2), dims=("u", "u")), ValueError, "different axis names"),
        (lambda draft: draft.array("../x", np.ones(2), dims=("a",)), ValueError, "can't be the name"),
        (
            lambda draft: [draft.array(f"x{n}", np.ones(n), dims=("unit",)) for n in (2, 3)],
            ValueError,
            "the axis unit has 2 steps in x2 and 3 in x3",
        ),
        (
            lambda draft: draft.array("x", Blocks((4,), "f8", None, [((slice(0, 2),), np.ones(2))]), dims=("a",)),
            ValueError,
            "the blocks hold 2 values, the array 4",
        ),
        (
            lambda draft: draft.array("x", Blocks((4,), "f8", None, [((slice(0, 4),), np.ones(1))]), dims=("a",)),
            ValueError,
            r"a block of shape \(1,\) is given for a region of shape \(4,\)",
        ),
        (
            lambda draft: draft.array("x", Blocks((1,), "u1", None, [((slice(0, 1),), np.ones(1))]), dims=("a",)),
            ValueError,
            "a block of float64 does not fit an array of uint8",
        ),
        (lambda draft: draft.check("finite", False, description="3 NaN"), BadInput, "check finite failed: 3 NaN"),
    ],
)
def test_what_can_not_be_right_is_refused(tmp_path, fill, error, words):
    with pytest.raises(error, match=words):
        committed(tmp_path, fill)
    assert list(ArtifactStore(tmp_path).artifacts()) == []


def test_a_failed_check_that_is_a_warning_is_on_record_and_does_not_stop_the_commit(tmp_path):
    found = committed(tmp_path, lambda draft: draft.check("beats_chance", False, warn=True))
    assert (found.checks["beats_chance"]["passed"], found.checks["beats_chance"]["warn"]) == (False, True)


def test_a_chunk_that_vanishes_is_an_error_and_never_zeros(tmp_path):
    found = committed(tmp_path, lambda draft: draft.array("counts", COUNTS, dims=DIMS, chunks=(16, 20, 7)))
    array = found.array("counts")
    chunk = found.path / "data/arrays.zarr/counts/c/1/0/0"
    whole = chunk.read_bytes()
    chunk.unlink()
    with pytest.raises(CorruptArtifact, match=r"counts/c/1/0/0 was damaged while it was in use: run again"):
        array[16:32]
    chunk.write_bytes(whole[:-1])
    with pytest.raises(CorruptArtifact, match="was damaged while it was in use"):
        array[16:32]
    np.testing.assert_array_equal(array[:16], COUNTS[:16])


def test_chunks_that_hold_only_the_fill_value_are_not_stored_and_not_missed(tmp_path):
    found = committed(tmp_path, lambda draft: draft.array("x", np.zeros((4, 4)), dims=("a", "b"), chunks=(2, 2)))
    assert found.array("x")[...].sum() == 0


def test_an_open_artifact_is_held_until_its_last_array_is_gone(tmp_path):
    found = committed(tmp_path, lambda draft: draft.array("x", np.ones(3), dims=("a",)))
    release = found.held_by.release
    array = found.array("x")
    del found
    gc.collect()
    assert release.alive
    np.testing.assert_array_equal(array[:], 1)
    del array
    gc.collect()
    assert not release.alive


def test_an_array_can_be_sent_to_another_process(tmp_path):
    found = committed(tmp_path, lambda draft: draft.array("x", np.arange(3.0), dims=("a",)))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found.array("x")))[:], [0, 1, 2])


def test_every_byte_of_a_manifest_counts():
    sealed = seal({"data_version": "a" * 64, "metadata": {"µ": 1.5}, "files": {}})
    assert unseal(sealed)["metadata"] == {"µ": 1.5}
    for at in range(len(sealed)):
        for other in (b"", b"0", b"\xff", bytes([sealed[at] ^ 1])):
            damaged = sealed[:at] + other + sealed[at + 1 :]
            assert damaged == sealed or unseal(damaged) is None
    assert unseal(b"") is unseal(b"{}") is unseal(None) is unseal(sealed + b"\n") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"data_version": "x"}', None])
def test_a_manifest_that_is_none_counts_as_absent(tmp_path, content):
    folder = tmp_path / "a"
    folder.mkdir()
    if content is None:
        (folder / MANIFEST).mkdir()
    else:
        (folder / MANIFEST).write_bytes(content)
    assert Artifact.read(folder) is None
    assert Artifact.read(folder, hold=True) is None
    assert Artifact.read(tmp_path / "missing") is None

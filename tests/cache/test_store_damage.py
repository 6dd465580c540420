"""Damage to every file of a store: never served as data, told in words, and healed by doing the same again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from resources.store.artifact import Artifact, CorruptArtifact
from resources.store.gc import collect_garbage
from resources.store.store import MANIFEST, ArtifactStore, digest

ASSET, SESSION, FINGERPRINT, VARIANT = "events/oasis", "d.s", digest("one"), digest("variant")
COUNTS = np.random.default_rng(0).integers(0, 9, (40, 6)).astype("u1")
TABLE = pd.DataFrame({"label": ["left", "right"], "start": [0.5, 1.25]})


def make(store: ArtifactStore, fingerprint: str = FINGERPRINT, **options) -> Artifact:
    with store.lock(ASSET, fingerprint), store.draft() as draft:
        draft.array("counts", COUNTS, dims=("trial", "unit"), chunks=(20, 6), attributes={"bin_width": 0.05})
        draft.table("trials", TABLE)
        draft.json("classes", ["left", "right"])
        (draft.folder("model") / "weights").write_bytes(b"123")
        (draft.extras / "plot.png").write_bytes(b"png")
        return store.commit(draft, asset=ASSET, fingerprint=fingerprint, ingredients={"x": 1}, **options)


def run(store: ArtifactStore) -> Artifact:
    """What a run does: reuse the artifact or make it, point at it, note what it used."""
    found = store.serve(ASSET, FINGERPRINT) or make(store)
    store.point(ASSET, SESSION, found)
    store.note_variant(ASSET, SESSION, store.serve(ASSET, VARIANT) or make(store, VARIANT), "a.x=1", {"a": {"x": 1}})
    store.record_failure(ASSET, SESSION, "no luck", FINGERPRINT)
    store.progress(ASSET, VARIANT, {"session": SESSION})
    store.used([str(found.path)])
    return found


def is_right(artifact: Artifact) -> bool:
    return (
        np.array_equal(artifact.array("counts")[...], COUNTS)
        and artifact.array("counts").attrs["bin_width"] == 0.05
        and artifact.table("trials").equals(TABLE)
        and artifact.json("classes") == ["left", "right"]
        and (artifact.folder("model") / "weights").read_bytes() == b"123"
    )


def opened(store: ArtifactStore) -> str:
    try:
        return "right" if is_right(store.open_verified(ASSET, FINGERPRINT, "the events")) else "wrong"
    except CorruptArtifact as error:
        return "refused" if "run again to rebuild it" in str(error) else str(error)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def flip_first(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 0xFF]) + path.read_bytes()[1:])


def flip_unnoticed(path: Path) -> None:
    """As a copy of a backup does: same size, same time of change."""
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def replace_by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip,
    "a flipped first byte": flip_first,
    "a flipped bit under the old time": flip_unnoticed,
    "a cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "nothing left": lambda path: os.truncate(path, 0),
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00\xff\xfe"),
    "deleted": lambda path: path.unlink(),
    "a folder": replace_by_folder,
    "a link": replace_by_link,
    "a pipe": replace_by_pipe,
}
if os.geteuid() != 0:
    DAMAGES["no permission"] = lambda path: path.chmod(0)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "store"
    store = ArtifactStore(folder, "me")
    make(store)
    make(store, new_attempt=True)
    assert is_right(run(store))
    return folder


@pytest.fixture
def fresh(template, tmp_path):
    """A function that gives a new copy of the store, with its files to damage."""
    n_copies = 0

    def copy() -> ArtifactStore:
        nonlocal n_copies
        n_copies += 1
        return ArtifactStore(shutil.copytree(template, tmp_path / str(n_copies)), "me")

    return copy


def files_of(store: ArtifactStore, below: str) -> list[Path]:
    return sorted(path.relative_to(store.root) for path in (store.root / below).rglob("*") if path.is_file())


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damaged_file_of_an_artifact_is_ever_served_and_the_same_command_heals_it(fresh, damage):
    names = [name for name in files_of(fresh(), "artifacts") if VARIANT[:32] not in name.parts]
    assert {name.name for name in names} > {MANIFEST, "trials.parquet", "classes.json", "weights", "zarr.json"}
    for name in names:
        store = fresh()
        assert is_right(store.open_verified(ASSET, FINGERPRINT, "the events")), "verified before the damage"
        DAMAGES[damage](store.root / name)
        for reader in (store, ArtifactStore(store.root)):
            assert opened(reader) in ("right", "refused"), name
        healed = run(store)
        assert is_right(healed)
        assert is_right(store.open_verified(ASSET, FINGERPRINT, "the events"))
        assert store.verify(healed) == []
        assert store.probe(ASSET, FINGERPRINT) == healed.data_version
        assert store.latest(ASSET, SESSION) == healed


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_hit_is_looked_at_before_it_is_served(fresh, damage):
    data = [name for name in files_of(fresh(), "artifacts") if ".2" in str(name.parts[3]) and name.parts[4] != "extras"]
    assert len(data) > 5
    same_size = damage.startswith("a flipped")
    for name in data:
        store = fresh()
        DAMAGES[damage](store.root / name)
        served = store.serve(ASSET, FINGERPRINT)
        if name.name != MANIFEST and same_size:
            assert served is not None, "found when it is opened"
            with pytest.raises(CorruptArtifact):
                store.open_verified(ASSET, FINGERPRINT, "the events")
        else:
            assert served is None
        assert len(list((store.root / ".quarantine").iterdir())) == 1
        assert is_right(store.serve(ASSET, FINGERPRINT)), "the attempt before it"


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damaged_note_stops_anything_and_the_same_command_writes_it_anew(fresh, damage):
    names = [name for folder in ("sessions", ".progress", ".users") for name in files_of(fresh(), folder)]
    assert {name.name for name in names} >= {"LATEST", "FAILED", VARIANT[:32], "of.json", "me.log"}
    for name in names:
        store = fresh()
        right = store.lookup(ASSET, FINGERPRINT)
        DAMAGES[damage](store.root / name)
        assert store.latest(ASSET, SESSION) in (None, right)
        assert all(variant.artifact.fingerprint == VARIANT for variant in store.variants(ASSET, SESSION))
        assert store.sessions() == [SESSION]
        failure = store.failure(ASSET, SESSION)
        assert failure is None or isinstance(failure["message"], str)
        assert len(store.progress_owners()) == 1
        collect_garbage(ArtifactStore(store.root, "other"), {right.path}, set(), dry_run=True)
        store = ArtifactStore(store.root, "me")
        run(store)
        assert store.latest(ASSET, SESSION) == right
        assert [variant.variant for variant in store.variants(ASSET, SESSION)] == ["a.x=1"]
        assert store.failure(ASSET, SESSION)["message"] == "no luck"
        assert [owner["session"] for owner in store.progress_owners().values()] == [SESSION]
        assert store.name(right.path) in ArtifactStore(store.root, "other").users.by_others()


@pytest.mark.parametrize("content", [b"../../../../etc", b"/etc", b"_", b"..", b"\xff" * 32, b"0" * 31, b"g" * 32])
def test_a_pointer_leads_nowhere_but_to_an_artifact(fresh, content):
    store = fresh()
    (store.root / "sessions" / SESSION / ASSET / "LATEST").write_bytes(content)
    assert store.latest(ASSET, SESSION) is None


def test_what_a_rival_rebuilt_is_not_set_aside_for_the_damage_of_what_it_replaced(fresh):
    store = fresh()
    damaged = store.newest(ASSET, FINGERPRINT)
    inode = damaged.stat().st_ino
    store.quarantine(damaged)
    rebuilt = make(store, new_attempt=True)
    assert rebuilt.path == damaged, "under the same name"
    store.quarantine(damaged, inode)
    assert store.serve(ASSET, FINGERPRINT) == rebuilt


@pytest.mark.parametrize("number", ["EMFILE", "ENOMEM"])
def test_trouble_of_this_process_is_not_taken_for_damage(fresh, monkeypatch, number):
    import errno

    store, code = fresh(), getattr(errno, number)
    whole = store.serve(ASSET, FINGERPRINT)

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", fail)
        with pytest.raises(OSError, match=os.strerror(code)):
            store.serve(ASSET, FINGERPRINT)
    assert store.serve(ASSET, FINGERPRINT) == whole
    assert not (store.root / ".quarantine").exists()

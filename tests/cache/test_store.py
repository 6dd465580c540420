"""The artifact store: atomic, immutable, content-verified; it survives kill -9, full disks, rivals and damage."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neuropipe.errors import BadInput
from resources.store.store import MANIFEST, ArtifactStore, CorruptArtifact, digest

ROOT = Path(__file__).resolve().parents[2]
FINGERPRINT = digest("one")


def commit(store: ArtifactStore, value: str = "hello", *, fingerprint: str = FINGERPRINT, **options):
    with store.draft() as draft:
        (draft.data / "greeting.txt").write_text(value)
        return store.commit(draft, asset="a/b", session="d.s", fingerprint=fingerprint, ingredients={"x": 1}, **options)


def test_what_is_committed_is_found_again_by_fingerprint(tmp_path):
    store = ArtifactStore(tmp_path)
    assert store.lookup("a/b", "d.s", FINGERPRINT) is None
    made = commit(store)
    found = store.lookup("a/b", "d.s", FINGERPRINT)
    assert found == made
    assert store.probe("a/b", "d.s", FINGERPRINT) == made.data_version
    assert (found.path / "data" / "greeting.txt").read_text() == "hello"
    assert store.verify(found) == []


def test_the_data_version_is_the_content_and_nothing_else(tmp_path):
    one = commit(ArtifactStore(tmp_path / "1"))
    two = commit(ArtifactStore(tmp_path / "2"), fingerprint=digest("two"))
    other = commit(ArtifactStore(tmp_path / "3"), "goodbye")
    assert one.data_version == two.data_version != other.data_version


def test_extras_are_no_part_of_the_data_version(tmp_path):
    store = ArtifactStore(tmp_path)
    plain = commit(store)
    with store.draft() as draft:
        (draft.data / "greeting.txt").write_text("hello")
        (draft.extras / "picture.png").write_bytes(b"x")
        drawn = store.commit(draft, asset="c", session=None, fingerprint=FINGERPRINT, ingredients={})
    assert drawn.data_version == plain.data_version


def test_zarr_and_parquet_give_the_same_bytes_each_time(tmp_path):
    import pandas as pd

    versions = set()
    for name in ("1", "2"):
        store = ArtifactStore(tmp_path / name)
        with store.draft() as draft:
            draft.array("x", np.arange(100_000.0).reshape(100, -1), attributes={"unit": "s"})
            draft.table("t", pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
            draft.json("j", {"b": 1, "a": 2})
            versions.add(
                store.commit(draft, asset="a", session=None, fingerprint=FINGERPRINT, ingredients={}).data_version
            )
    assert len(versions) == 1


def test_the_first_to_commit_wins_and_a_refresh_makes_a_new_attempt(tmp_path):
    store = ArtifactStore(tmp_path)
    first = commit(store, "first")
    assert commit(store, "second") == first
    refreshed = commit(store, "third", new_attempt=True)
    assert refreshed.path != first.path
    assert (first.path / "data" / "greeting.txt").read_text() == "first"
    assert store.lookup("a/b", "d.s", FINGERPRINT) == refreshed
    again = commit(store, "fourth", new_attempt=True)
    assert store.probe("a/b", "d.s", FINGERPRINT) == again.data_version


def test_asset_names_that_look_alike_do_not_collide(tmp_path):
    store = ArtifactStore(tmp_path)
    for asset in ("a/b__c", "a__b/c", "a/b/c"):
        with store.draft() as draft:
            draft.json("name", asset)
            store.commit(draft, asset=asset, session=None, fingerprint=FINGERPRINT, ingredients={})
    assert {a: store.lookup(a, None, FINGERPRINT).json("name") for a in ("a/b__c", "a__b/c", "a/b/c")} == {
        a: a for a in ("a/b__c", "a__b/c", "a/b/c")
    }


def test_a_failed_draft_leaves_nothing(tmp_path):
    store = ArtifactStore(tmp_path)
    with pytest.raises(ZeroDivisionError), store.draft() as draft:
        (draft.data / "x").write_text("x")
        raise ZeroDivisionError
    assert list(store.artifacts()) == []
    assert list((tmp_path / ".stage").iterdir()) == []


def test_latest_follows_default_configuration_only(tmp_path):
    store = ArtifactStore(tmp_path)
    default = commit(store, "default")
    store.point_latest(default)
    store.point_latest(commit(store, "variant", fingerprint=digest("v"), variant="a.x=1"))
    assert store.latest("a/b", "d.s") == default


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "add"])
def test_damage_is_found_before_anything_is_computed_from_it(tmp_path, damage):
    store = ArtifactStore(tmp_path)
    artifact = commit(store)
    file = artifact.path / "data" / "greeting.txt"
    if damage == "truncate":
        file.write_text("hel")
    elif damage == "flip":
        file.write_text("hellO")
    elif damage == "remove":
        file.unlink()
    else:
        (artifact.path / "data" / "extra").write_text("x")
    assert store.missized(artifact) == (["greeting.txt"] if damage in ("truncate", "remove") else [])
    with pytest.raises(CorruptArtifact, match="a/b of d.s is damaged"):
        store.open_verified("a/b", "d.s", FINGERPRINT)
    assert store.lookup("a/b", "d.s", FINGERPRINT) is None, "set aside, so that the next run rebuilds it"
    assert len(list((tmp_path / ".quarantine").iterdir())) == 1


def test_a_damaged_manifest_counts_as_absent_and_is_replaced(tmp_path):
    store = ArtifactStore(tmp_path)
    artifact = commit(store)
    (artifact.path / MANIFEST).write_text("{")
    assert store.lookup("a/b", "d.s", FINGERPRINT) is None
    assert store.probe("a/b", "d.s", FINGERPRINT) is None
    assert commit(store).data_version == artifact.data_version


_KILLED = """
import sys, time
from pathlib import Path
import resources.store.store as S
store = S.ArtifactStore(Path(sys.argv[1]))
where = sys.argv[2]
def hang(*_):
    print("here", flush=True); time.sleep(60)
if where == "before the rename":
    S._sync_tree = hang
elif where == "after the rename":
    S.sync = lambda path: None if ".stage" in str(path) else hang()
with store.lock("a/b", "d.s", sys.argv[3]), store.draft() as draft:
    (draft.data / "greeting.txt").write_text("hello")
    if where == "while writing":
        hang()
    store.commit(draft, asset="a/b", session="d.s", fingerprint=sys.argv[3], ingredients={"x": 1})
"""


@pytest.mark.parametrize("where", ["while writing", "before the rename", "after the rename"])
def test_kill_9_at_any_instant_leaves_all_or_nothing(tmp_path, where):
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(tmp_path), where, FINGERPRINT],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline().strip() == "here"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    store = ArtifactStore(tmp_path)
    found = store.lookup("a/b", "d.s", FINGERPRINT)
    assert (found is not None) == (where == "after the rename")
    began = time.perf_counter()
    with store.lock("a/b", "d.s", FINGERPRINT):
        made = commit(store)
    assert time.perf_counter() - began < 30, "the lock died with its owner"
    assert store.verify(made) == []


_RIVAL = """
import sys, time
from pathlib import Path
from resources.store.store import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
with store.lock("a/b", "d.s", sys.argv[2]):
    if store.lookup("a/b", "d.s", sys.argv[2]) is None:
        time.sleep(0.5)
        with store.draft() as draft:
            (draft.data / "greeting.txt").write_text("hello")
            store.commit(draft, asset="a/b", session="d.s", fingerprint=sys.argv[2], ingredients={})
        print("made")
"""


def test_two_processes_at_once_make_it_once(tmp_path):
    rivals = [
        subprocess.Popen(
            [sys.executable, "-c", _RIVAL, str(tmp_path), FINGERPRINT],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(3)
    ]
    assert sorted(rival.communicate()[0].strip() for rival in rivals) == ["", "", "made"]


def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        store = ArtifactStore(small)
        with pytest.raises(BadInput, match=r"the disk that holds .* is full"), store.draft() as draft:
            (draft.data / "x").write_bytes(os.urandom(1_000_000))
        assert list(store.artifacts()) == []
        assert list((small / ".stage").iterdir()) == []
        commit(store)
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_manifest_is_plain_json_with_the_data_version_first(tmp_path):
    artifact = commit(ArtifactStore(tmp_path))
    manifest = json.loads((artifact.path / MANIFEST).read_text())
    assert next(iter(manifest)) == "data_version"
    assert manifest["files"] == {"greeting.txt": [manifest["files"]["greeting.txt"][0], 5]}

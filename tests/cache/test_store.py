"""The artifact store: atomic, immutable, shared by sessions; it survives kill -9, full disks and rivals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from neuropipe.errors import BadInput
from resources.store.artifact import Artifact
from resources.store.store import MANIFEST, ArtifactStore, digest

ROOT = Path(__file__).resolve().parents[2]
FINGERPRINT = digest("one")
ASSET = "events/oasis"


def commit(
    store: ArtifactStore, value: str = "hello", *, fingerprint: str = FINGERPRINT, asset: str = ASSET, **options
):
    with store.draft() as draft:
        (draft.data / "greeting.txt").write_text(value)
        return store.commit(draft, asset=asset, fingerprint=fingerprint, ingredients={"x": 1}, **options)


def greeting(artifact: Artifact) -> str:
    return (artifact.path / "data" / "greeting.txt").read_text()


def python(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


# -- finding ----------------------------------------------------------------------------------------------------------


def test_what_is_committed_is_found_again_by_fingerprint(tmp_path):
    store = ArtifactStore(tmp_path)
    assert store.lookup(ASSET, FINGERPRINT) is None
    assert store.probe(ASSET, FINGERPRINT) is None
    assert store.serve(ASSET, FINGERPRINT) is None
    made = commit(store)
    assert store.lookup(ASSET, FINGERPRINT) == store.serve(ASSET, FINGERPRINT) == made
    assert store.open_verified(ASSET, FINGERPRINT, "events of d.s") == made
    assert store.probe(ASSET, FINGERPRINT) == made.data_version
    assert greeting(made) == "hello"
    assert store.verify(made) == store.whole(made) == []
    assert list(store.artifacts()) == list(store.artifacts(ASSET)) == [made]
    assert (made.asset, made.fingerprint) == (ASSET, FINGERPRINT)


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
        drawn = store.commit(draft, asset="c", fingerprint=FINGERPRINT, ingredients={})
    assert drawn.data_version == plain.data_version
    assert [path.name for path in drawn.plots()] == ["picture.png"]


def test_a_manifest_is_plain_json_with_the_data_version_first_and_its_own_hash_last(tmp_path):
    artifact = commit(ArtifactStore(tmp_path), facts={"seconds": 2.5})
    manifest = json.loads((artifact.path / MANIFEST).read_text())
    assert (next(iter(manifest)), list(manifest)[-1]) == ("data_version", "manifest_sha256")
    assert manifest["files"] == {"greeting.txt": [manifest["files"]["greeting.txt"][0], 5]}
    assert manifest["seconds"] == 2.5
    assert not {"session", "variant", "overrides"} & set(manifest)


def test_a_probe_takes_microseconds_however_many_artifacts_an_asset_has(tmp_path):
    store = ArtifactStore(tmp_path)
    commit(store)
    for number in range(2000):
        (tmp_path / "artifacts" / ASSET / digest(number)[:32]).mkdir()

    def seconds(fingerprint: str) -> float:
        began = time.perf_counter()
        for _ in range(1000):
            store.probe(ASSET, fingerprint)
        return (time.perf_counter() - began) / 1000

    assert min(seconds(FINGERPRINT) for _ in range(5)) < 20e-6
    assert min(seconds("f" * 64) for _ in range(5)) < 20e-6


def test_artifacts_of_an_asset_and_of_one_named_below_it_do_not_collide(tmp_path):
    store = ArtifactStore(tmp_path)
    names = ("events", "events/oasis", "events/oasis/more", "a/b__c", "a__b/c", "a/b/c")
    made = {name: commit(store, name, asset=name) for name in names}
    for name in names:
        store.point(name, "d.s", made[name])
    assert {name: greeting(store.lookup(name, FINGERPRINT)) for name in names} == {name: name for name in names}
    assert {name: greeting(store.latest(name, "d.s")) for name in names} == {name: name for name in names}
    assert len(list(store.artifacts())) == len(names)
    assert list(store.artifacts("events")) == [made["events"]]


@pytest.mark.parametrize("asset", ["", "a//b", "../a", "a/..", ".hidden", "a/LATEST", "a/variants", "b/" + "0f" * 16])
def test_names_that_could_be_taken_for_something_else_are_refused(tmp_path, asset):
    with pytest.raises(ValueError, match="can't be the name of an asset"):
        commit(ArtifactStore(tmp_path), asset=asset)
    assert not (tmp_path / "artifacts").exists()


def test_an_artifact_under_the_wrong_name_is_not_served(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    other = digest("two")
    made.path.rename(made.path.with_name(other[:32]))
    assert store.lookup(ASSET, other) is None
    assert store.serve(ASSET, other) is None
    assert store.newest(ASSET, other) is None, "set aside"


# -- committing -------------------------------------------------------------------------------------------------------


def test_the_first_to_commit_wins_and_a_refresh_makes_a_new_attempt(tmp_path):
    store = ArtifactStore(tmp_path)
    first = commit(store, "first")
    assert commit(store, "second") == first
    refreshed = commit(store, "third", new_attempt=True)
    assert refreshed.path != first.path
    assert greeting(first) == "first"
    assert store.lookup(ASSET, FINGERPRINT) == refreshed
    again = commit(store, "fourth", new_attempt=True)
    assert store.probe(ASSET, FINGERPRINT) == again.data_version


def test_probe_and_lookup_agree_when_an_attempt_in_between_is_gone(tmp_path):
    store = ArtifactStore(tmp_path)
    _, second, third = commit(store, "1"), commit(store, "2", new_attempt=True), commit(store, "3", new_attempt=True)
    store.discard(second.path)
    assert store.probe(ASSET, FINGERPRINT) == store.lookup(ASSET, FINGERPRINT).data_version == third.data_version
    fourth = commit(store, "4", new_attempt=True)
    assert store.probe(ASSET, FINGERPRINT) == store.lookup(ASSET, FINGERPRINT).data_version == fourth.data_version


def test_nothing_is_committed_when_the_last_look_finds_a_change(tmp_path):
    store = ArtifactStore(tmp_path)

    def changed():
        (draft,) = [path for path in (tmp_path / ".stage").iterdir() if path.is_dir()]
        assert (draft / MANIFEST).is_file(), "everything is written by then"
        assert store.lookup(ASSET, FINGERPRINT) is None
        raise BadInput("the code of binned changed while it ran")

    with pytest.raises(BadInput, match="changed while it ran"):
        commit(store, before_commit=changed)
    assert list(store.artifacts()) == []
    assert list((tmp_path / ".stage").iterdir()) == []
    assert commit(store, before_commit=lambda: None) == store.lookup(ASSET, FINGERPRINT)


def test_a_failed_draft_leaves_nothing(tmp_path):
    store = ArtifactStore(tmp_path)
    with pytest.raises(ZeroDivisionError), store.draft() as draft:
        (draft.data / "x").write_text("x")
        raise ZeroDivisionError
    assert list(store.artifacts()) == []
    assert list((tmp_path / ".stage").iterdir()) == []


def test_links_and_temporary_files_do_not_get_into_an_artifact(tmp_path):
    store = ArtifactStore(tmp_path)
    with store.draft() as draft:
        (draft.scratch / "big").write_bytes(b"x")
        (draft.path / "frames-1").mkdir()
        draft.json("a", 1)
        made = store.commit(draft, asset="a", fingerprint=FINGERPRINT, ingredients={})
    assert sorted(path.name for path in made.path.iterdir()) == [MANIFEST, "data", "extras"]
    with store.draft() as draft, pytest.raises(ValueError, match="link of b is not a regular file"):
        (draft.data / "link").symlink_to(made.path)
        store.commit(draft, asset="b", fingerprint=FINGERPRINT, ingredients={})


_HANGS = """
import sys, time
from pathlib import Path
import resources.store.commit as C
import resources.store.store as S
store = S.ArtifactStore(Path(sys.argv[1]))
where = sys.argv[2]
def hang(*_):
    print("here", flush=True); time.sleep(60)
if where == "before the rename":
    C.sync_tree = hang
elif where == "after the rename":
    S.sync = hang
with store.lock("events/oasis", sys.argv[3]), store.draft() as draft:
    (draft.data / "greeting.txt").write_text("hello")
    if where == "while writing":
        hang()
    store.commit(draft, asset="events/oasis", fingerprint=sys.argv[3], ingredients={"x": 1})
"""


@pytest.mark.parametrize("where", ["while writing", "before the rename", "after the rename"])
def test_kill_9_at_any_instant_leaves_all_or_nothing(tmp_path, where):
    process = python(_HANGS, tmp_path, where, FINGERPRINT)
    assert process.stdout.readline().strip() == "here"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    store = ArtifactStore(tmp_path)
    assert (store.lookup(ASSET, FINGERPRINT) is not None) == (where == "after the rename")
    began = time.perf_counter()
    with store.lock(ASSET, FINGERPRINT):
        made = commit(store)
    assert time.perf_counter() - began < 30, "the lock died with its owner"
    assert store.verify(made) == []


_RIVAL = """
import sys, time
from pathlib import Path
from resources.store.store import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
with store.lock("events/oasis", sys.argv[2]):
    if store.serve("events/oasis", sys.argv[2]) is None:
        time.sleep(0.5)
        with store.draft() as draft:
            (draft.data / "greeting.txt").write_text("hello")
            store.commit(draft, asset="events/oasis", fingerprint=sys.argv[2], ingredients={})
        print("made")
"""


def test_two_processes_that_want_the_same_artifact_make_it_once(tmp_path):
    rivals = [python(_RIVAL, tmp_path, FINGERPRINT) for _ in range(3)]
    assert sorted(rival.communicate()[0].strip() for rival in rivals) == ["", "", "made"]


_RACES = """
import sys
from pathlib import Path
from resources.store.store import ArtifactStore, digest
store = ArtifactStore(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    with store.draft() as draft:
        (draft.data / "greeting.txt").write_text(sys.argv[2])
        print(store.commit(draft, asset="events/oasis", fingerprint=digest(number), ingredients={}).data_version)
"""


def test_processes_that_commit_the_same_without_a_lock_get_one_artifact(tmp_path):
    rivals = [python(_RACES, tmp_path, text, 40) for text in ("one", "two", "three")]
    one, two, three = (rival.communicate()[0].split() for rival in rivals)
    assert len(one) == 40
    assert one == two == three
    store = ArtifactStore(tmp_path)
    assert len(list(store.artifacts())) == 40
    assert all(store.verify(artifact) == [] for artifact in store.artifacts())


# -- what sessions point at -------------------------------------------------------------------------------------------


def test_two_sessions_share_an_artifact_that_names_neither(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    store.point(ASSET, "d.one", made)
    store.point(ASSET, "e.two", made)
    store.point(ASSET, None, made)
    assert store.latest(ASSET, "d.one") == store.latest(ASSET, "e.two") == store.latest(ASSET, None) == made
    assert store.latest("events", "d.one") is None
    assert store.sessions() == ["d.one", "e.two"]
    everything = b"".join(path.read_bytes() for path in made.path.rglob("*") if path.is_file())
    assert b"d.one" not in everything
    assert b"e.two" not in everything


def test_latest_is_the_default_configuration_and_variants_are_notes_beside_it(tmp_path):
    store = ArtifactStore(tmp_path)
    default, variant = commit(store, "default"), commit(store, "variant", fingerprint=digest("v"))
    store.point(ASSET, "d.s", default)
    store.note_variant(ASSET, "d.s", variant, "a.x=1", {"a": {"x": 1}})
    assert store.latest(ASSET, "d.s") == default
    (noted,) = store.variants(ASSET, "d.s")
    assert (noted.variant, noted.overrides, noted.artifact) == ("a.x=1", {"a": {"x": 1}}, variant)
    store.note_variant(ASSET, "d.s", variant, "a.x=1", {"a": {"x": 1}})
    assert store.variants(ASSET, "d.s") == [noted], "an unchanged note is not written again"
    store.discard(variant.path)
    assert store.variants(ASSET, "d.s") == []


def test_a_failure_is_on_record_until_it_is_cleared(tmp_path):
    store = ArtifactStore(tmp_path)
    assert store.failure(ASSET, "d.s") is None
    store.record_failure(ASSET, "d.s", "too few trials", FINGERPRINT, "a.x=1")
    note = store.failure(ASSET, "d.s")
    assert {**note, "time": 0} == {
        "message": "too few trials",
        "fingerprint": FINGERPRINT,
        "variant": "a.x=1",
        "time": 0,
    }
    assert store.sessions() == [], "a failure is no pointer"
    store.clear_failure(ASSET, "d.s")
    store.clear_failure(ASSET, "d.s")
    assert store.failure(ASSET, "d.s") is None


def test_progress_is_kept_until_it_is_cleared(tmp_path):
    store = ArtifactStore(tmp_path)
    folder = store.progress(ASSET, FINGERPRINT, {"session": "d.s", "overrides": {}})
    (folder / "fold-0").write_text("x")
    assert store.progress(ASSET, FINGERPRINT, {"session": "d.s", "overrides": {}}) == folder
    assert (folder / "fold-0").is_file()
    assert store.progress_owners() == {
        folder: {"asset": ASSET, "fingerprint": FINGERPRINT, "session": "d.s", "overrides": {}}
    }
    store.clear_progress(ASSET, FINGERPRINT)
    store.clear_progress(ASSET, FINGERPRINT)
    assert not folder.exists()


# -- disks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(small_disk):
    store = ArtifactStore(small_disk)
    with pytest.raises(BadInput, match=r"the disk that holds .* is full"), store.draft() as draft:
        (draft.data / "x").write_bytes(os.urandom(1_000_000))
    assert list(store.artifacts()) == []
    assert list((small_disk / ".stage").iterdir()) == []
    commit(store)


def test_a_store_that_can_only_be_read_serves_what_it_has(small_disk):
    store = ArtifactStore(small_disk, "me")
    made = commit(store)
    store.record_failure(ASSET, "d.s", "no luck")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    reader = ArtifactStore(small_disk, "somebody-else")
    assert reader.serve(ASSET, FINGERPRINT) == reader.open_verified(ASSET, FINGERPRINT, "it") == made
    reader.used([reader.name(made.path)])
    reader.point(ASSET, "d.s", made)
    reader.note_variant(ASSET, "d.s", made, "a.x=1", {})
    reader.clear_failure(ASSET, "d.s")
    assert reader.failure(ASSET, "d.s")["message"] == "no luck"
    with pytest.raises(BadInput, match="can't be written"):
        commit(reader, fingerprint=digest("two"))

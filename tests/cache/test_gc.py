"""Garbage collection: removes what nobody needs, uses, reads or makes, and nothing else."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.store.gc import GRACE, collect_garbage
from resources.store.store import MANIFEST, ArtifactStore, digest
from resources.store.users import RECORD_EVERY
from tests.cache.test_store import ASSET, FINGERPRINT, ROOT, commit, python


def collected(store, needed=(), *, progress=(), **options):
    found = collect_garbage(store, {made.path for made in needed}, set(progress), **options)
    return {(item.kind, item.path) for item in found}


def age(log: Path, seconds: float) -> None:
    """Make a user's log older."""
    lines = [line.split(" ") for line in log.read_text().split("\n") if line]
    log.write_text("".join(f"{int(when) - int(seconds)} {name}\n" for when, name in lines))
    past = time.time() - seconds
    os.utime(log, (past, past))


def test_what_is_not_needed_is_removed_and_a_dry_run_only_says_so(tmp_path):
    store = ArtifactStore(tmp_path)
    kept, gone = commit(store), commit(store, fingerprint=digest("two"))
    store.point(ASSET, "d.s", gone)
    store.point("events", "d.s", kept)
    pointers = {("pointer", store.pointers.folder(asset, "d.s") / "LATEST") for asset in ("events", ASSET)}
    assert collected(store, [kept], dry_run=True) == {("artifact", gone.path), *pointers}
    assert gone.path.is_dir()
    assert collected(store, [kept]) == {("artifact", gone.path), *pointers}
    assert list(store.artifacts()) == [kept]
    assert store.latest(ASSET, "d.s") is None
    assert list((tmp_path / ".trash").iterdir()) == []
    assert list((tmp_path / ".locks").iterdir()) == []
    assert collected(store, [kept]) == set()


def test_of_several_attempts_each_is_judged_by_itself(tmp_path):
    store = ArtifactStore(tmp_path)
    first, second = commit(store, "1"), commit(store, "2", new_attempt=True)
    assert collected(store, [second]) == {("artifact", first.path)}
    assert store.serve(ASSET, FINGERPRINT) == second
    assert store.probe(ASSET, FINGERPRINT) == second.data_version
    marker = first.path.with_name(f"{first.path.name}.newest")
    assert collected(store) == {("artifact", second.path), ("attempts", marker)}
    assert store.probe(ASSET, FINGERPRINT) is None


def test_a_directory_that_an_interrupted_removal_left_without_data_or_manifest_goes(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    (made.path / MANIFEST).unlink()
    assert collected(store) == {("artifact", made.path)}
    assert not made.path.exists()


def test_what_another_user_used_within_the_grace_period_stays(tmp_path):
    ours, theirs = ArtifactStore(tmp_path, "ours"), ArtifactStore(tmp_path, "theirs")
    made = commit(ours)
    theirs.used([str(made.path)])
    log = tmp_path / ".users" / "theirs.log"
    assert collected(ours) == set()
    age(log, GRACE - 60)
    assert collected(ours) == set()
    age(log, 60 + 2 * RECORD_EVERY)
    assert collected(ours, dry_run=True) == {("artifact", made.path), ("user log", log)}
    assert collected(ours, grace=2 * GRACE) == set()
    assert collected(ours) == {("artifact", made.path), ("user log", log)}


def test_what_another_user_made_or_a_hit_named_stays_and_no_grace_disregards_others(tmp_path):
    ours, theirs = ArtifactStore(tmp_path, "ours"), ArtifactStore(tmp_path, "theirs")
    made = commit(theirs)
    named = commit(ours, fingerprint=digest("two"))
    refreshed = commit(ours, fingerprint=digest("two"), new_attempt=True)
    theirs.used([theirs.name(named.path)])
    assert collected(ours) == set(), "plans name fingerprints, whichever attempt is the newest"
    ours.discard(refreshed.path)
    ours.discard(named.path.with_name(f"{named.path.name}.newest"))
    assert collected(ours, grace=0) == {("artifact", made.path), ("artifact", named.path)}


def test_a_log_that_can_not_be_read_keeps_everything_until_the_grace_period_is_over(tmp_path):
    ours, theirs = ArtifactStore(tmp_path, "ours"), ArtifactStore(tmp_path, "theirs")
    made = commit(ours)
    other = commit(theirs, fingerprint=digest("two"))
    log = tmp_path / ".users" / "theirs.log"
    log.write_bytes(b"\xff\x00 no line\n" + log.read_bytes())
    assert collected(ours) == set()
    again = ArtifactStore(tmp_path, "theirs")
    again.used(["events/x"])
    assert b"\xff" not in log.read_bytes(), "its owner puts it right"
    assert " *\n" in log.read_text(), "and keeps on record that any artifact may have been meant"
    assert collected(ours) == set()
    age(log, GRACE + 2 * RECORD_EVERY)
    assert collected(ours) == {("artifact", made.path), ("artifact", other.path), ("user log", log)}


def test_a_log_grows_by_one_line_per_artifact_and_hour_and_compacts_itself(tmp_path):
    log = tmp_path / ".users" / "me.log"
    names = [f"binned/{number:032x}" for number in range(100)]
    for _ in range(3):
        store = ArtifactStore(tmp_path, "me")
        store.used(names)
        store.used(names)
    assert sum(bool(line) for line in log.read_text().split("\n")) == 100
    for _ in range(30):
        age(log, 2 * RECORD_EVERY)
        ArtifactStore(tmp_path, "me").used(names)
    assert len(log.read_text().split("\n")) < 1500
    assert all(when > time.time() - 60 for when in ArtifactStore(tmp_path, "other").users.by_others().values())


_READER = """
import sys
from pathlib import Path
from resources.store.store import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
found = store.open_verified("events/oasis", sys.argv[2], "it")
print("reading", flush=True)
sys.stdin.readline()
print((found.path / "data" / "greeting.txt").read_text())
"""


def test_what_another_process_reads_is_left_alone(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    reader = subprocess.Popen(
        [sys.executable, "-c", _READER, str(tmp_path), FINGERPRINT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert reader.stdout.readline() == "reading\n"
    assert collected(store, dry_run=True) == collected(store) == set()
    assert reader.communicate("\n")[0] == "hello\n"
    assert collected(store) == {("artifact", made.path)}


def test_what_this_process_reads_or_makes_is_left_alone(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    with made.hold() as held:
        assert collected(store) == set()
        assert held == made
    with store.lock(ASSET, FINGERPRINT):
        assert collected(store) == set()
    assert collected(store) == {("artifact", made.path)}


def test_what_was_committed_after_the_needed_ones_were_listed_stays(tmp_path):
    store = ArtifactStore(tmp_path)
    old = commit(store)
    time.sleep(0.05)
    listed = time.time()
    time.sleep(0.05)
    commit(store, fingerprint=digest("two"))
    assert collected(store, since=listed) == {("artifact", old.path)}


def test_drafts_locks_and_checkpoints_go_once_their_owner_is_dead(tmp_path):
    store = ArtifactStore(tmp_path)
    needed, unneeded = store.progress(ASSET, digest("1"), {}), store.progress(ASSET, digest("2"), {})
    worked_on = store.progress(ASSET, digest("3"), {})
    dead = tmp_path / ".stage" / "dead"
    dead.mkdir(parents=True)
    (dead / "x").write_text("x")
    locks = [dead.with_suffix(".lock"), tmp_path / ".locks" / "dead"]
    (tmp_path / ".locks").mkdir()
    recent = tmp_path / ".locks" / "recent"
    for lock in (*locks, recent):
        lock.touch()
    for lock in locks:
        os.utime(lock, (0, 0))
    expected = {("unfinished", unneeded), ("unfinished", dead), ("lock", locks[1])}
    with store.draft() as draft, store.lock(ASSET, digest("3")):
        assert collected(store, progress=[needed], dry_run=True) == {*expected, ("lock", locks[0])}
        assert unneeded.is_dir()
        assert dead.is_dir()
        assert collected(store, progress=[needed]) == expected, "the draft's lock went with the draft"
        assert draft.path.is_dir()
        assert needed.is_dir()
        assert worked_on.is_dir()
        assert not unneeded.exists()
        assert not dead.exists()
    assert not any(lock.exists() for lock in locks)
    assert recent.exists(), "most artifacts have one, and they cost nothing"


def test_quarantine_and_trash_go_always(tmp_path):
    store = ArtifactStore(tmp_path)
    aside = store.quarantine(commit(store).path)
    trash = tmp_path / ".trash" / "x"
    trash.mkdir(parents=True)
    (trash / "half").write_text("x")
    expected = {("quarantined", aside), ("trash", trash)}
    assert collected(store, dry_run=True) == collected(store) == expected
    assert not any(path.exists() for _, path in expected)


def test_what_is_moved_aside_again_and_again_does_not_get_too_long_a_name(tmp_path):
    store = ArtifactStore(tmp_path)
    path = commit(store).path
    for _ in range(20):
        path = store.quarantine(path)
    assert collected(store) == {("quarantined", path)}
    assert list((tmp_path / ".trash").iterdir()) == list((tmp_path / ".quarantine").iterdir()) == []


_LOCKS = """
import sys, time
from pathlib import Path
from resources.store.store import ArtifactStore
store, log = ArtifactStore(Path(sys.argv[1])), open(sys.argv[2], "a")
end = time.time() + 4
while time.time() < end:
    with store.lock("events/oasis", sys.argv[3]):
        log.write("+"); log.flush()
        log.write("-"); log.flush()
"""


def test_collecting_dead_locks_never_lets_two_processes_hold_one(tmp_path, monkeypatch):
    monkeypatch.setattr("resources.store.gc.LOCK_AGE", 0.0)
    store, log = ArtifactStore(tmp_path), tmp_path / "log"
    rivals = [python(_LOCKS, tmp_path, log, FINGERPRINT) for _ in range(2)]
    while any(rival.poll() is None for rival in rivals):
        collected(store)
    assert [rival.returncode for rival in rivals] == [0, 0]
    text = log.read_text()
    assert len(text) > 100
    assert text == "+-" * (len(text) // 2)


def test_a_pointer_that_is_written_anew_is_not_lost(tmp_path):
    store = ArtifactStore(tmp_path)
    made = commit(store)
    store.point(ASSET, "d.s", made)
    (pointer,) = list(store.pointers)
    stale = pointer._replace(directory=digest("gone")[:32])
    store.pointers.remove(stale, lambda asset, directory: directory == made.path.name)
    assert store.latest(ASSET, "d.s") == made
    assert os.listdir(pointer.file.parent) == ["LATEST"]


@pytest.mark.parametrize("user", ["../x", "a b", "x/y"])
def test_names_of_users_are_file_names(tmp_path, user):
    with pytest.raises(ValueError, match="can't be the name of a user"):
        ArtifactStore(tmp_path, user).used(["a/b"])

"""Looking upstream: many servers at once within one deadline, and updates that are requested now and made later."""

import hashlib
import logging
import os
import time

import pytest

from neuropipe.catalog import Catalog
from neuropipe.errors import BadInput
from resources.fetch.downloads import RawFiles
from resources.fetch.lockfile import LockFile
from resources.fetch.sources import Sources
from resources.fetch.upstream import ask_all
from resources.fetch.web import Patience
from resources.store.stage import Unresolved
from tests.http_server import MisbehavingServer, Reply

OLD, NEW = b"old" * 1000, b"new" * 1000
OLD_SHA, NEW_SHA = (hashlib.sha256(body).hexdigest() for body in (OLD, NEW))
STUDY = """\
title: Counts from the web
citation: none
licence: CC0-1.0
modality: counts
reader: npz
follow_upstream: true
sessions:
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        yield running


@pytest.fixture
def sources(server, tmp_path):
    """Twelve sessions of one file each, whose hashes nobody published."""
    names = [f"s{number}" for number in range(12)]
    for name in names:
        server.files[f"/{name}"] = OLD + name.encode()
    sessions = "".join(f'  {name}: {{files: {{a: {{url: "{server.url("/" + name)}"}}}}}}\n' for name in names)
    return sources_of(tmp_path, STUDY + sessions)


def sources_of(root, text: str) -> Sources:
    (root / "catalog").mkdir(exist_ok=True)
    (root / "catalog" / "study.yaml").write_text(text)
    raw = RawFiles(root / "raw", patience=Patience(retries=0, connect_timeout=2.0, read_timeout=30.0))
    catalog = Catalog.load(root / "catalog")
    return Sources(catalog.root, raw, lambda: catalog)


@pytest.fixture
def one(server, tmp_path):
    """One session, fetched: its sources, the session and its lock file."""
    server.files["/a"] = OLD
    sources = sources_of(tmp_path, STUDY + f'  one: {{files: {{a: {{url: "{server.url("/a")}"}}}}}}\n')
    session = sources.read().session("study.one")
    sources.fetch(session)
    return sources, session, LockFile(tmp_path / "catalog" / "study.lock")


def test_all_are_asked_at_once_and_what_does_not_answer_in_time_is_unknown(server, sources):
    sessions = list(sources.read())
    for session in sessions:
        sources.fetch(session)
    server.files["/s1"] = NEW
    for silent in ("/s2", "/s3", "/s4", "/s5"):
        server.always[silent] = Reply(wait=True)
    began = time.monotonic()
    found = sources.check_upstream(sessions, deadline=3.0)
    assert time.monotonic() - began < 6
    expected = {session.key: {"a": "same"} for session in sessions}
    expected |= {f"study.s{number}": {"a": "unknown"} for number in (2, 3, 4, 5)}
    assert found == {**expected, "study.s1": {"a": "changed"}}


def test_a_file_that_sessions_share_is_looked_up_once(server, tmp_path):
    server.files["/a"] = OLD
    entry = f'{{files: {{a: {{url: "{server.url("/a")}"}}}}}}'
    sources = sources_of(tmp_path, STUDY + f"  one: {entry}\n  two: {entry}\n")
    for session in sources.read():
        sources.fetch(session)
    assert sources.check_upstream(sources.read()) == {"study.one": {"a": "same"}, "study.two": {"a": "same"}}
    assert [request.method for request in server.requests] == ["GET", "HEAD"]


def test_the_deadline_holds_for_more_questions_than_threads_and_errors_are_unknown():
    def fail():
        raise RuntimeError

    questions = {number: lambda: time.sleep(0.4) or "same" for number in range(100)}
    began = time.monotonic()
    found = ask_all({"broken": fail, "good": lambda: "changed", **questions}, deadline=1.0)
    assert time.monotonic() - began < 1.5
    assert (found["broken"], found["good"], len(found)) == ("unknown", "changed", 102)
    assert {"same", "unknown"} == {found[number] for number in range(100)}
    assert ask_all({}, deadline=1.0) == {}


# -- updates -----------------------------------------------------------------------------------------------------------


def test_a_requested_update_is_made_by_the_next_fetch(server, one):
    sources, session, lock = one
    server.files["/a"] = NEW
    assert sources.changed_upstream(session) == ["a"]
    sources.request_update(session, "a")
    assert lock.get(server.url("/a")).sha256 == OLD_SHA, "the old hash stays until the new file is there"
    with pytest.raises(Unresolved, match="a changed upstream and is to be downloaded again"):
        sources.hashes(session)
    assert sources.fetch(session)["a"].read_bytes() == NEW
    assert sources.hashes(session) == {"a": NEW_SHA}
    assert sources.changed_upstream(session) == []


def test_an_update_that_fails_leaves_the_old_file_in_use(server, one, caplog):
    sources, session, lock = one
    server.always["/a"] = Reply(status=404)
    sources.request_update(session, "a")
    with caplog.at_level(logging.WARNING, "resources"):
        assert sources.fetch(session)["a"].read_bytes() == OLD
    assert caplog.messages[0].startswith("study.one: the new version of a is not used, the old one stays: http://")
    assert sources.hashes(session) == {"a": OLD_SHA}
    assert lock.get(server.url("/a")).sha256 == OLD_SHA


def test_an_update_can_be_made_at_once(server, one):
    sources, session, lock = one
    server.files["/a"] = NEW
    sources.follow(session, "a")
    assert lock.get(server.url("/a")).sha256 == NEW_SHA
    server.always["/a"] = Reply(status=404)
    with pytest.raises(BadInput, match="does not exist"):
        sources.follow(session, "a")
    assert sources.fetch(session)["a"].read_bytes() == NEW


def test_a_request_counts_only_while_the_catalogue_says_to_follow(server, one, tmp_path):
    sources, session, _ = one
    sources.request_update(session, "a")
    path = tmp_path / "catalog" / "study.yaml"
    sources = sources_of(tmp_path, path.read_text().replace("follow_upstream: true", "follow_upstream: false"))
    assert sources.hashes(sources.read().session("study.one")) == {"a": OLD_SHA}


# -- garbage -----------------------------------------------------------------------------------------------------------


def aged(root) -> None:
    """As if everything had lain there for two days."""
    for path in root.rglob("*"):
        os.utime(path, (time.time() - 2 * 86400,) * 2)


def test_files_that_no_catalogue_names_are_unused_and_removed_with_their_notes(server, one):
    sources, session, _ = one
    server.files["/a"] = NEW
    sources.follow(session, "a")
    assert list(sources.unused()) == [], "fetched a moment ago"
    aged(sources.raw.root)
    unused = [path.relative_to(sources.raw.root).as_posix() for path in sources.unused()]
    assert unused[:2] == [f"{OLD_SHA[:2]}/{OLD_SHA}", f"{OLD_SHA[:2]}/{OLD_SHA}.json"]
    assert {path.partition("/")[0] for path in unused[2:]} == {".locks"}
    assert all(sources.raw.remove(path) for path in sources.unused())
    assert list(sources.unused()) == []
    assert sources.fetch(session)["a"].read_bytes() == NEW


def test_files_of_another_installation_that_shares_the_folder_are_kept(server, one, tmp_path):
    sources, _, _ = one
    (tmp_path / "other").mkdir()
    other = sources_of(tmp_path / "other", STUDY.replace("reader: npz", "simulator: drift_diffusion") + "  one: {}\n")
    other = Sources(other.root, sources.raw, other.read)
    aged(sources.raw.root)
    assert {path.parent.name for path in other.unused()} == {".locks"}
    assert OLD_SHA in {path.name for path in other.unused(grace=0.0)}


def test_all_that_is_unused_is_removed_at_once_folders_in_quarantine_too(server, one):
    sources, session, _ = one
    (sources.raw.root / "quarantine" / "folder").mkdir(parents=True)
    (sources.raw.root / "quarantine" / "folder" / "file").write_text("12345")
    (sources.raw.root / ".trash" / "left").mkdir(parents=True)
    lock = sources.raw.folder.lock(OLD_SHA)
    with lock:
        aged(sources.raw.root)
        would = sources.remove_unused(dry_run=True)
        assert sources.remove_unused() == would
    sizes = {path.relative_to(sources.raw.root).as_posix(): n_bytes for path, n_bytes in would}
    assert (sizes["quarantine/folder"], sizes[".trash/left"]) == (5, 0)
    assert f".locks/{OLD_SHA}" not in sizes
    assert sources.fetch(session)["a"].read_bytes() == OLD
    assert not any((sources.raw.root / ".trash").iterdir())


def test_what_a_process_is_busy_with_is_not_removed(server, one):
    sources, _, _ = one
    path = sources.raw.folder.place(OLD_SHA)
    with sources.raw.folder.lock(OLD_SHA):
        assert not sources.raw.remove(path)
    assert path.exists()
    assert sources.raw.remove(path)

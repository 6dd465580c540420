"""Hashes that nobody published: recorded at the first download, enforced from then on; and upstream watched."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neuropipe.errors import BadInput
from resources.fetch.downloads import FileSpec, RawFiles
from resources.fetch.lockfile import LockEntry, LockFile
from resources.fetch.web import Patience
from tests.http_server import MisbehavingServer, Reply, etag_of

OLD, NEW = b"old" * 1000, b"new" * 1000
OLD_SHA, NEW_SHA = (hashlib.sha256(body).hexdigest() for body in (OLD, NEW))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        running.files["/a"] = OLD
        yield running


@pytest.fixture
def raw(tmp_path):
    return RawFiles(tmp_path / "raw", patience=Patience(retries=0, connect_timeout=2.0, read_timeout=5.0))


@pytest.fixture
def lock(tmp_path):
    return LockFile(tmp_path / "study.lock")


def test_the_first_download_records_and_later_ones_are_held_to_it(server, raw, lock):
    spec = FileSpec(name="a", url=server.url("/a"))
    assert raw.fetch(spec, lock=lock).name == OLD_SHA
    assert lock.read() == {spec.url: LockEntry(OLD_SHA, len(OLD), etag_of(OLD))}
    server.files["/a"] = NEW
    assert raw.fetch(spec, lock=lock).read_bytes() == OLD
    assert len(server.requests) == 1
    elsewhere = RawFiles(raw.root.with_name("elsewhere"), patience=raw.patience)
    with pytest.raises(BadInput, match=rf"sha256 {NEW_SHA} instead of 3,000 bytes with sha256 {OLD_SHA}"):
        elsewhere.fetch(spec, lock=lock)
    lock.path.unlink()
    assert elsewhere.fetch(spec, lock=lock).name == NEW_SHA


def test_a_hash_in_the_catalogue_needs_no_lock(server, raw, lock):
    raw.fetch(FileSpec(name="a", url=server.url("/a"), sha256=OLD_SHA), lock=lock)
    assert not lock.path.exists()


def test_the_lock_is_a_sorted_text_and_refuses_another_content(lock):
    lock.record("https://b/x", LockEntry("1" * 64, 1))
    lock.record("https://a/x", LockEntry("2" * 64, 2, '"tag"'))
    before = lock.path.read_bytes()
    lock.record("https://a/x", LockEntry("2" * 64, 2, '"another tag"'))
    assert lock.path.read_bytes() == before
    assert list(json.loads(before)) == ["https://a/x", "https://b/x"]
    with pytest.raises(BadInput, match=r"https://a/x held 2 bytes .*/study.lock, now it holds 3"):
        lock.record("https://a/x", LockEntry("3" * 64, 3))
    assert sorted(path.name for path in lock.path.parent.iterdir()) == [".locks", "study.lock"]


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "[]", '{"https://a/x": {"sha": 1}}', '{"https://a/x": 3}'])
def test_a_damaged_lock_is_named(lock, text):
    lock.path.write_text(text)
    with pytest.raises(BadInput, match=r"study.lock is damaged"):
        lock.read()


def test_processes_that_record_at_once_lose_nothing(lock):
    code = """
import sys
from pathlib import Path
from resources.fetch.lockfile import LockEntry, LockFile
for number in range(20):
    LockFile(Path(sys.argv[1])).record(f"https://host/{sys.argv[2]}/{number}", LockEntry("0" * 64, number))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", code, str(lock.path)]
    writers = [subprocess.Popen([*command, str(writer)], env=environment) for writer in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    assert sorted(lock.read()) == sorted(
        f"https://host/{writer}/{number}" for writer in range(3) for number in range(20)
    )


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (Reply(), "same"),
        (Reply(headers={"ETag": f"W/{etag_of(OLD)}"}), "same"),
        (Reply(body=NEW), "changed"),
        (Reply(body=OLD + b"!"), "changed"),
        (Reply(headers={"ETag": None}), "unknown"),
        (Reply(status=404), "unknown"),
        (Reply(status=503), "unknown"),
    ],
)
def test_upstream_is_asked_for_headers_only(server, raw, now, verdict):
    spec = FileSpec(name="a", url=server.url("/a"), sha256=OLD_SHA)
    raw.fetch(spec)
    server.always["/a"] = now
    assert raw.check_upstream(spec) == verdict
    assert [request.method for request in server.requests] == ["GET", "HEAD"]


def test_upstream_by_date_by_size_and_by_lock(server, raw, lock):
    dated = {"ETag": None, "Last-Modified": "Tue, 01 Dec 2020 10:00:00 GMT"}
    server.always["/a"] = Reply(headers=dated)
    spec = FileSpec(name="a", url=server.url("/a"))
    assert raw.check_upstream(spec, lock) == "unknown"
    raw.fetch(spec, lock=lock)
    assert raw.check_upstream(spec, lock) == "same"
    server.always["/a"] = Reply(headers={**dated, "Last-Modified": "Wed, 02 Dec 2020 10:00:00 GMT"})
    assert raw.check_upstream(spec, lock) == "changed"
    never_fetched = FileSpec(name="b", url=server.url("/a"), bytes=7, sha256=NEW_SHA)
    assert raw.check_upstream(never_fetched) == "changed"


def test_headers_of_a_mirror_do_not_judge_the_original(server, raw):
    spec = FileSpec(name="a", url="https://example.org/a", sha256=OLD_SHA)
    server.files["/one/example.org/a"] = server.files["/two/example.org/a"] = OLD
    RawFiles(raw.root, mirror=server.url("/one")).fetch(spec)
    server.always["/two/example.org/a"] = Reply(headers={"ETag": '"numbered otherwise"'})
    assert RawFiles(raw.root, mirror=server.url("/one")).check_upstream(spec) == "same"
    assert RawFiles(raw.root, mirror=server.url("/two")).check_upstream(spec) == "unknown"


def test_no_network_leaves_upstream_unknown(raw):
    assert raw.check_upstream(FileSpec(name="a", url="http://127.0.0.1:9/a", sha256=OLD_SHA)) == "unknown"

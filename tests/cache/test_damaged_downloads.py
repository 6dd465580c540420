"""Raw files, their notes, part files and lock files, damaged in every way: the same fetch heals, or says what to do."""

import hashlib
import json
import logging
import os
import re

import numpy as np
import pytest

from neuropipe.errors import BadInput
from resources.fetch import transfer, verified
from resources.fetch.downloads import FileSpec, RawFiles
from resources.fetch.lockfile import LockEntry, LockFile
from resources.fetch.transfer import PartFile
from resources.fetch.web import Patience
from tests import damage as ways
from tests.damage import DAMAGES
from tests.http_server import MisbehavingServer, Reply, etag_of

BODY = np.random.default_rng(0).bytes(100_000)
OTHER = np.random.default_rng(1).bytes(100_000)
SHA, OTHER_SHA = (hashlib.sha256(body).hexdigest() for body in (BODY, OTHER))


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        running.files["/a"] = BODY
        yield running


@pytest.fixture
def raw(tmp_path):
    return RawFiles(tmp_path / "raw", patience=Patience(retries=0, connect_timeout=2.0, read_timeout=5.0))


@pytest.fixture
def lock(tmp_path):
    return LockFile(tmp_path / "study.lock")


@pytest.fixture
def at_rest(monkeypatch):
    """Files count as written long ago at once: their stamps are trusted."""
    monkeypatch.setattr(verified, "SETTLING_TIME", -60.0)


def spec_of(server, **changes) -> FileSpec:
    return FileSpec(**{"name": "a", "url": server.url("/a"), "bytes": len(BODY), "sha256": SHA, **changes})


@pytest.mark.parametrize("known", ["by the catalogue", "by the lock file"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_raw_file_is_put_aside_and_fetched_again_by_the_same_call(
    server, raw, lock, at_rest, damage, known, caplog
):
    spec = spec_of(server) if known == "by the catalogue" else spec_of(server, bytes=None, sha256=None)
    path = raw.fetch(spec, lock=lock)
    raw.fetch(spec, lock=lock)
    damage(path)
    with caplog.at_level(logging.WARNING, "resources"):
        assert raw.fetch(spec, lock=lock).read_bytes() == BODY
    assert len(server.requests) == 2
    assert raw.fetch(spec, lock=lock) == path
    assert len(server.requests) == 2
    if damage is not ways.delete:
        (aside,) = (raw.root / "quarantine").iterdir()
        assert caplog.messages == [f"a was damaged on the disk and put aside as {aside}; it is fetched again"]


def test_a_flipped_byte_is_found_although_size_and_modification_time_are_as_before(server, raw, at_rest):
    path = raw.fetch(spec_of(server))
    raw.fetch(spec_of(server))
    status = path.stat()
    ways.flip_middle_byte(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert raw.fetch(spec_of(server)).read_bytes() == BODY


def test_a_verified_file_is_not_read_again_until_its_stamp_changes(server, raw, at_rest, monkeypatch):
    path = raw.fetch(spec_of(server))
    raw.fetch(spec_of(server))
    real, read = hashlib.file_digest, []
    monkeypatch.setattr(verified.hashlib, "file_digest", lambda file, name: read.append(file) or real(file, name))
    file = raw.verified(spec_of(server))
    assert (file.path, file.sha256, file.unchanged(), read) == (path, SHA, True, [])
    path.chmod(0o644)
    assert raw.fetch(spec_of(server)) == path
    assert len(read) == 1


def test_a_raw_file_that_changes_after_it_was_verified_is_found(server, raw):
    file = raw.verified(spec_of(server))
    assert file.unchanged()
    ways.flip_first_byte(file.path)
    assert not file.unchanged()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_note_of_an_intact_file_costs_no_download(server, raw, at_rest, damage):
    path = raw.fetch(spec_of(server))
    damage(path.with_suffix(".json"))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert len(server.requests) == 1
    assert raw.origin(SHA).url == server.url("/a")


@pytest.mark.parametrize("known", [{}, {"bytes": None, "sha256": None}], ids=["hash-known", "hash-unknown"])
@pytest.mark.parametrize("part", ["part", "json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_part_file_never_becomes_the_file(server, raw, damage, part, known):
    server.plan("/a", Reply(cut_after=60_000))
    with pytest.raises(BadInput, match="could not be fetched"):
        raw.fetch(spec_of(server, **known))
    (path,) = (raw.root / "partial").glob(f"*.{part}")
    damage(path)
    assert raw.fetch(spec_of(server, **known)).read_bytes() == BODY


def test_without_a_known_hash_a_download_resumes_at_its_last_checkpoint(server, raw, monkeypatch):
    body = np.random.default_rng(2).bytes(2_000_000)
    server.files["/big"] = body
    server.plan("/big", Reply(cut_after=1_500_000))
    spec = FileSpec(name="big", url=server.url("/big"))
    real = PartFile.checkpoint

    def not_the_last(part, source, n_bytes, sha256):
        """As if the process were killed there: what was noted last is the checkpoint before."""
        if n_bytes < 1_500_000:
            real(part, source, n_bytes, sha256)

    with monkeypatch.context() as patched:
        patched.setattr(transfer, "_CHECKPOINT", 300_000)
        patched.setattr(PartFile, "checkpoint", not_the_last)
        with pytest.raises(BadInput, match="could not be fetched"):
            raw.fetch(spec)
    assert raw.fetch(spec).read_bytes() == body
    resumed_at = int(server.requests[-1].headers["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 300_000 <= resumed_at < 1_500_000


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_lock_file_is_named_or_harmless(server, raw, lock, damage):
    spec = spec_of(server, bytes=None, sha256=None)
    path = raw.fetch(spec, lock=lock)
    damage(lock.path)
    said = ""
    try:
        assert raw.fetch(spec, lock=lock) == path
    except BadInput as error:
        said = str(error)
    way_out = rf"{lock.path} is damaged \(.*; restore it from version control, or delete it to record .*"
    assert said == "" or re.fullmatch(way_out, said)


def test_no_flipped_bit_of_a_lock_file_gives_another_content_or_a_traceback(server, raw, lock):
    spec = spec_of(server, bytes=None, sha256=None)
    raw.fetch(spec, lock=lock)
    written, refusals = lock.path.read_bytes(), []
    for position in range(len(written)):
        lock.path.write_bytes(
            written[:position] + bytes([written[position] ^ 1 << position % 8]) + written[position + 1 :]
        )
        try:
            assert raw.fetch(spec, lock=lock).read_bytes() == BODY
        except BadInput as error:
            refusals.append(str(error))
    assert all(len(refusal.splitlines()) == 1 for refusal in refusals)
    assert len(refusals) > len(written) / 2


@pytest.mark.parametrize(
    "entry",
    [
        {"sha256": "../../../etc/passwd", "bytes": 1},
        {"sha256": None, "bytes": 1},
        {"sha256": "0" * 64, "bytes": -1},
        {"sha256": "0" * 64, "bytes": "1"},
        {"sha256": "0" * 64, "bytes": True},
        {"sha256": "0" * 64, "bytes": 1, "etag": 3},
    ],
)
def test_an_entry_that_makes_no_sense_is_named(lock, entry):
    lock.path.write_text(json.dumps({"https://host/a": entry}))
    with pytest.raises(BadInput, match=r"study.lock is damaged \((sha256|bytes|etag) is "):
        lock.read()


@pytest.mark.parametrize("folder", ["partial", ".locks", "quarantine", SHA[:2]])
def test_a_file_in_the_place_of_a_folder_is_named(server, raw, folder):
    raw.root.mkdir()
    (raw.root / folder).write_text("something")
    if folder == "quarantine":
        (raw.root / SHA[:2]).mkdir()
        (raw.root / SHA[:2] / SHA).write_text("damaged")
    with pytest.raises(BadInput, match=rf"a did not get into {raw.root}: .*{folder}"):
        raw.fetch(spec_of(server))


# -- following a source ------------------------------------------------------------------------------------------------


def test_a_new_content_is_pinned_once_it_is_there(server, raw, lock):
    spec = spec_of(server, bytes=None, sha256=None)
    old = raw.fetch(spec, lock=lock)
    server.files["/a"] = OTHER
    assert raw.follow(spec, lock).path.read_bytes() == OTHER
    assert lock.read() == {spec.url: LockEntry(OTHER_SHA, len(OTHER), etag_of(OTHER))}
    assert raw.fetch(spec, lock=lock).read_bytes() == OTHER
    assert raw.check_upstream(spec, lock) == "same"
    assert old.read_bytes() == BODY


@pytest.mark.parametrize(
    "answer",
    [
        Reply(status=404),
        Reply(status=503),
        Reply(body=OTHER, cut_after=50_000),
        Reply(body=b"<!DOCTYPE html><title>Sign in</title>"),
    ],
    ids=["gone", "busy", "cut", "login"],
)
def test_a_new_content_that_does_not_arrive_leaves_the_old_one_in_use(server, raw, lock, answer):
    spec = spec_of(server, bytes=None, sha256=None)
    old = raw.fetch(spec, lock=lock)
    before = lock.path.read_bytes()
    server.always["/a"] = answer
    with pytest.raises(BadInput):
        raw.follow(spec, lock)
    assert lock.path.read_bytes() == before
    assert raw.fetch(spec, lock=lock) == old
    assert old.read_bytes() == BODY


def test_the_same_content_under_another_etag_is_not_a_change_again(server, raw, lock):
    spec = spec_of(server, bytes=None, sha256=None)
    raw.fetch(spec, lock=lock)
    server.always["/a"] = Reply(headers={"ETag": '"numbered otherwise"'})
    assert raw.check_upstream(spec, lock) == "changed"
    assert raw.follow(spec, lock).sha256 == SHA
    assert raw.check_upstream(spec, lock) == "same"


def test_a_file_whose_hash_the_catalogue_gives_follows_nothing(server, raw, lock):
    with pytest.raises(BadInput, match="without a sha256 can follow"):
        raw.follow(spec_of(server), lock)


def test_a_mirror_file_that_is_no_file_is_refused_without_waiting(tmp_path):
    (tmp_path / "mirror" / "host").mkdir(parents=True)
    os.mkfifo(tmp_path / "mirror" / "host" / "a")
    raw = RawFiles(tmp_path / "raw", mirror=str(tmp_path / "mirror"))
    with pytest.raises(BadInput, match=r"the mirror has no file .*host/a to read .*\(it is not a file\)"):
        raw.fetch(FileSpec(name="a", url="https://host/a"))

"""A user's own files: used where they lie, hashed once, never copied, moved or deleted."""

import hashlib
import os

import pytest

from neuropipe.errors import BadInput
from resources.fetch import local_hashes
from resources.fetch.downloads import FileSpec, RawFiles

LONG_AGO = 1_600_000_000_000_000_000


@pytest.fixture
def raw(tmp_path):
    return RawFiles(tmp_path / "raw")


@pytest.fixture
def hashed(monkeypatch):
    """How many files were read to be hashed."""
    real, calls = hashlib.file_digest, []

    def counted(file, name):
        calls.append(file.name)
        return real(file, name)

    monkeypatch.setattr(local_hashes.hashlib, "file_digest", counted)
    return calls


@pytest.fixture
def own(tmp_path):
    return write(tmp_path / "mine.npy", b"one")


def write(path, body, mtime_ns=LONG_AGO):
    path.write_bytes(body)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def test_a_local_file_is_used_in_place(raw, own):
    sha256 = hashlib.sha256(b"one").hexdigest()
    assert raw.fetch(FileSpec(name="mine", path=own, bytes=3, sha256=sha256)) == own
    assert raw.fetch(FileSpec(name="mine", path=own)) == own
    assert [path.name for path in raw.root.iterdir()] == ["local"]


def test_hashed_again_only_when_size_time_or_inode_change(raw, own, hashed):
    assert raw.hash_local(own) == raw.hash_local(own) == hashlib.sha256(b"one").hexdigest()
    assert len(hashed) == 1
    os.utime(own, ns=(LONG_AGO + 1, LONG_AGO + 1))
    raw.hash_local(own)
    assert len(hashed) == 2
    assert raw.hash_local(write(own, b"four")) == hashlib.sha256(b"four").hexdigest()
    write(own.with_name("new"), b"five").replace(own)
    assert raw.hash_local(own) == hashlib.sha256(b"five").hexdigest()
    raw.hash_local(own)
    assert len(hashed) == 4


def test_two_names_of_one_file_share_its_hash(raw, own, hashed):
    link = own.with_name("link.npy")
    link.symlink_to(own)
    assert raw.hash_local(link) == raw.hash_local(own)
    assert len(hashed) == 1


def test_a_file_written_a_moment_ago_may_change_unseen_so_its_hash_is_not_kept(raw, tmp_path, hashed):
    fresh = tmp_path / "fresh"
    fresh.write_bytes(b"one")
    status = fresh.stat()
    raw.hash_local(fresh)
    fresh.write_bytes(b"two")
    os.utime(fresh, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert raw.hash_local(fresh) == hashlib.sha256(b"two").hexdigest()


def test_a_changed_local_file_is_named_and_left_alone(raw, own):
    spec = FileSpec(name="mine", path=own, bytes=3, sha256=hashlib.sha256(b"one").hexdigest())
    write(own, b"two")
    assert raw.check_upstream(spec) == "changed"
    with pytest.raises(BadInput, match=r"mine.npy has changed: 3 bytes .*neuropipe add"):
        raw.fetch(spec)
    assert own.read_bytes() == b"two"
    write(own, b"one", LONG_AGO + 1)
    assert raw.check_upstream(spec) == "same"


def test_missing_files_and_folders_are_refused(raw, tmp_path):
    with pytest.raises(BadInput, match=r"gone.npy can't be read \(No such file"):
        raw.fetch(FileSpec(name="gone", path=tmp_path / "gone.npy"))
    with pytest.raises(BadInput, match="is not a file"):
        raw.fetch(FileSpec(name="folder", path=tmp_path))


def test_a_damaged_note_is_written_anew(raw, own):
    raw.hash_local(own)
    (note,) = (raw.root / "local").iterdir()
    note.write_text("{")
    assert raw.hash_local(own) == hashlib.sha256(b"one").hexdigest()
    assert hashlib.sha256(b"one").hexdigest() in note.read_text()

"""A user's own files: used where they lie, hashed once, never copied, moved or deleted."""

import hashlib
import os

import pytest

from neuropipe.errors import BadInput
from resources.fetch import verified
from resources.fetch.downloads import FileSpec, RawFiles
from tests.damage import DAMAGES

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

    monkeypatch.setattr(verified.hashlib, "file_digest", counted)
    return calls


@pytest.fixture
def at_rest(monkeypatch):
    """Files count as written long ago at once: their hashes are kept."""
    monkeypatch.setattr(verified, "SETTLING_TIME", -60.0)


@pytest.fixture
def own(tmp_path):
    return write(tmp_path / "mine.npy", b"one")


def write(path, body, mtime_ns=LONG_AGO):
    path.write_bytes(body)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def test_a_local_file_is_used_in_place(raw, own, at_rest):
    sha256 = hashlib.sha256(b"one").hexdigest()
    assert raw.fetch(FileSpec(name="mine", path=own, bytes=3, sha256=sha256)) == own
    assert raw.fetch(FileSpec(name="mine", path=own)) == own
    assert [path.name for path in raw.root.iterdir()] == ["local"]
    assert own.read_bytes() == b"one"


def test_hashed_again_only_when_size_time_or_inode_change(raw, own, hashed, at_rest):
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


def test_two_names_of_one_file_share_its_hash(raw, own, hashed, at_rest):
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


@pytest.mark.parametrize("edit", ["in place", "another file"])
def test_an_edit_is_seen_although_size_and_modification_time_are_as_before(raw, own, at_rest, edit):
    assert raw.hash_local(own) == hashlib.sha256(b"one").hexdigest()
    status = own.stat()
    own = own if edit == "in place" else own.with_name("new")
    write(own, b"two", status.st_mtime_ns).replace(raw.root.parent / "mine.npy")
    assert raw.hash_local(raw.root.parent / "mine.npy") == hashlib.sha256(b"two").hexdigest()


def test_a_file_written_a_moment_ago_is_read_again_even_if_its_modification_time_is_old(raw, own, hashed):
    """Its ctime is new: another edit in the same tick of the disk's clock would not show."""
    raw.hash_local(own)
    raw.hash_local(own)
    assert len(hashed) == 2
    assert not (raw.root / "local").exists()


def test_what_changes_after_it_was_read_is_found_before_the_commit(raw, own, at_rest):
    before = raw.verified(FileSpec(name="mine", path=own))
    assert (before.sha256, before.unchanged()) == (hashlib.sha256(b"one").hexdigest(), True)
    mtime_ns = own.stat().st_mtime_ns
    write(own, b"two", mtime_ns)
    assert not before.unchanged()
    assert verified.changed_files([before]) == [own]
    own.unlink()
    assert not before.unchanged()


def test_what_changes_within_a_tick_of_the_clock_after_it_was_read_is_found(raw, own, monkeypatch):
    before = raw.verified(FileSpec(name="mine", path=own))
    assert before.unchanged()
    own.write_bytes(b"two")
    monkeypatch.setattr(verified.Stamp, "of", lambda path: before.stamp)
    assert not before.unchanged()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_note_is_written_anew(raw, own, at_rest, damage):
    raw.hash_local(own)
    (note,) = (raw.root / "local").iterdir()
    damage(note)
    assert raw.hash_local(own) == hashlib.sha256(b"one").hexdigest()
    assert hashlib.sha256(b"one").hexdigest() in note.read_text()


def test_links_that_lead_in_a_circle_are_refused(raw, own):
    link = own.with_name("link")
    link.symlink_to(link)
    with pytest.raises(BadInput, match="link can't be read"):
        raw.fetch(FileSpec(name="mine", path=link))

"""Full and read-only disks, on real small file systems where mounting is allowed and by injected errors everywhere."""

import errno
import hashlib
import os
import subprocess

import numpy as np
import pytest

from neuropipe.errors import BadInput
from resources.fetch.downloads import FileSpec, RawFiles
from resources.fetch.transfer import PartFile
from resources.files.safe_files import write_durably
from tests.http_server import MisbehavingServer, Reply

BODY = np.random.default_rng(0).bytes(3_000_000)
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        running.files["/a"] = BODY
        yield running


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"can't mount a small disk here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_file_that_can_not_fit_is_refused_before_it_is_fetched(server, small_disk):
    spec = FileSpec(name="a", url=server.url("/a"), sha256=SHA)
    with pytest.raises(BadInput, match=r"needs 3,000,000 bytes in .*, where 1,0\d\d,\d\d\d are free"):
        RawFiles(small_disk).fetch(spec)
    assert len(server.requests) == 1
    assert list((small_disk / "partial").iterdir()) == []


def test_a_disk_that_fills_up_is_said_in_words_and_the_part_is_kept(server, small_disk):
    server.always["/a"] = Reply(chunked=True)
    with pytest.raises(BadInput, match=rf"the disk of {small_disk} is full: a needs an unknown number of bytes"):
        RawFiles(small_disk).fetch(FileSpec(name="a", url=server.url("/a"), sha256=SHA))
    (part,) = (small_disk / "partial").glob("*.part")
    assert BODY.startswith(part.read_bytes())
    kept = part.stat().st_size
    assert kept > 900_000
    subprocess.run(["mount", "-o", "remount,size=8m", small_disk], check=True)
    RawFiles(small_disk).fetch(FileSpec(name="a", url=server.url("/a"), sha256=SHA))
    assert server.requests[-1].headers["Range"] == f"bytes={kept}-"


def test_a_read_only_data_folder_is_said_in_words_and_still_serves_what_it_holds(server, small_disk):
    server.files["/small"] = b"small"
    spec = FileSpec(name="small", url=server.url("/small"), sha256=hashlib.sha256(b"small").hexdigest())
    path = RawFiles(small_disk).fetch(spec)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert RawFiles(small_disk).fetch(spec) == path
    with pytest.raises(BadInput, match=rf"{small_disk}.* can't be written \(Read-only file system\).* data folder"):
        RawFiles(small_disk).fetch(FileSpec(name="a", url=server.url("/a"), sha256=SHA))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"is full: a needs 3,000,000 bytes and [\d,]+ are free"),
        (errno.EDQUOT, "is full"),
        (errno.EROFS, r"can't be written \(Read-only file system\)"),
        (errno.EACCES, r"can't be written \(Permission denied\)"),
        (errno.EIO, "did not get into .*Input/output error"),
    ],
)
def test_storage_errors_become_one_sentence(server, tmp_path, monkeypatch, number, words):
    def fail(self, source):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(PartFile, "describe", fail)
    with pytest.raises(BadInput, match=words):
        RawFiles(tmp_path / "raw").fetch(FileSpec(name="a", url=server.url("/a"), bytes=3_000_000, sha256=SHA))


def test_a_failed_write_leaves_the_old_text_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "note.json"
    write_durably(path, "old")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_durably(path, "new")
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("note.json", "old")]

"""Mirrors: where a URL leads, where it can't lead, and that what comes from there is verified and copied."""

import csv
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuropipe.errors import BadInput
from resources.fetch.downloads import FileSpec, RawFiles
from resources.fetch.mirror import locate, without_secrets
from tests.http_server import MisbehavingServer

BODY = b"spikes" * 1000
SHA = hashlib.sha256(BODY).hexdigest()
URL = "https://example.org/study/counts.npy"


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    place = folder / "example.org" / "study" / "counts.npy"
    place.parent.mkdir(parents=True)
    place.write_bytes(BODY)
    return folder


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://Example.org/a/b.npy", "example.org/a/b.npy"),
        ("https://example.org:8443/a", "example.org:8443/a"),
        ("https://user:secret@example.org/a", "example.org/a"),
        ("https://example.org/a%20b/c%2B.npy", "example.org/a b/c+.npy"),
        ("https://example.org/download?id=3&as=a/b", "example.org/download?id=3&as=a%2Fb"),
        ("https://example.org/a#part", "example.org/a"),
        ("https://example.org/a//b", "example.org/a/b"),
        ("https://example.org/..a/b..", "example.org/..a/b.."),
    ],
)
def test_where_a_url_lies_in_a_folder_mirror(url, place):
    assert locate(url, "/m") == Path("/m") / place
    assert locate(url, None) == url


def test_where_a_url_lies_in_an_http_mirror():
    there = locate("https://example.org/a%20b?id=3", "http://cluster:8000/mirror/")
    assert there == "http://cluster:8000/mirror/example.org/a%20b?id=3"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/../../etc/passwd",
        "https://example.org/a/%2e%2e/%2E%2e/etc/passwd",
        "https://example.org/a/.%2e/b",
        "https://example.org/a%2f..%2f..%2fetc/passwd",
        "https://example.org/..\\..\\etc",
        "https://example.org/..%5c..%5cetc",
        "https://example.org/a%00.npy",
        "https://example.org/a\x00.npy",
        "https://example.org/a\n.npy",
        "https://../etc/passwd",
        "https://..%2f/etc/passwd",
        "https:///etc/passwd",
        "https://example.org",
        "https://example.org/",
        "https://example.org:http/a",
        "https://example.org/%ff",
        "file:///etc/passwd",
        "/etc/passwd",
        "https://a..b/c",
        "https://[::1/a",
    ],
)
@pytest.mark.parametrize("mirror", [None, "/m", "https://m.org"])
def test_urls_that_climb_are_refused(url, mirror):
    with pytest.raises(BadInput):
        locate(url, mirror)


@given(st.text(alphabet="./\\%2eEfF5cC0a?#:@ \x00", max_size=30))
def test_no_url_leaves_a_folder_mirror(text):
    for url in (f"https://{text}", f"https://host/{text}"):
        try:
            place = locate(url, "/top/mirror")
        except BadInput:
            continue
        assert os.path.normpath(place).startswith("/top/mirror/")


def test_secrets_are_not_shown():
    assert without_secrets("https://me:token@host/a@b") == "https://host/a@b"
    assert without_secrets("https://host/a@b") == "https://host/a@b"


def test_a_mirrored_file_is_verified_and_copied(tmp_path, mirror):
    raw = RawFiles(tmp_path / "raw", mirror=str(mirror))
    seen = []
    path = raw.fetch(FileSpec(name="counts.npy", url=URL, bytes=len(BODY), sha256=SHA), lambda *at: seen.append(at))
    original = mirror / "example.org" / "study" / "counts.npy"
    original.write_bytes(b"something else")
    assert path.read_bytes() == BODY
    assert not path.is_symlink()
    assert path.stat().st_ino != original.stat().st_ino
    assert seen == [(len(BODY), len(BODY))]
    assert raw.origin(SHA).source == str(original)
    assert raw.check_upstream(FileSpec(name="counts.npy", url=URL, sha256=SHA)) == "changed"


def test_a_wrong_file_in_the_mirror_is_put_aside_as_a_copy(tmp_path, mirror):
    raw = RawFiles(tmp_path / "raw", mirror=str(mirror))
    original = mirror / "example.org" / "study" / "counts.npy"
    original.write_bytes(BODY[::-1])
    with pytest.raises(BadInput, match=f"{original} is not what was expected"):
        raw.fetch(FileSpec(name="counts.npy", url=URL, sha256=SHA))
    assert original.read_bytes() == BODY[::-1]
    with pytest.raises(BadInput, match="has 6,000 bytes, not 7"):
        raw.fetch(FileSpec(name="counts.npy", url=URL, bytes=7))


def test_what_the_mirror_lacks_is_named_and_not_looked_for_elsewhere(tmp_path, mirror):
    raw = RawFiles(tmp_path / "raw", mirror=str(mirror))
    with pytest.raises(BadInput, match=r"the mirror has no file .*example.org/other.npy.*unset NEUROPIPE_MIRROR"):
        raw.fetch(FileSpec(name="other", url="https://example.org/other.npy"))
    with pytest.raises(BadInput, match="the mirror has no file"):
        raw.fetch(FileSpec(name="folder", url="https://example.org/study/"))


def test_an_http_mirror_stands_in_for_the_host(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as server:
        server.files["/mirror/example.org/study/counts.npy"] = BODY
        raw = RawFiles(tmp_path / "raw", mirror=server.url("/mirror"))
        assert raw.fetch(FileSpec(name="counts.npy", url=URL, sha256=SHA)).read_bytes() == BODY
        assert raw.origin(SHA).url == URL
        assert raw.origin(SHA).source == server.url("/mirror/example.org/study/counts.npy")


@pytest.mark.mirror
@pytest.mark.skipif("NEUROPIPE_MIRROR" not in os.environ, reason="NEUROPIPE_MIRROR is not set: no real recordings here")
def test_real_recordings_come_out_of_the_mirror_verified(tmp_path):
    mirror = os.environ["NEUROPIPE_MIRROR"]
    with (Path(mirror) / "INDEX.csv").open(newline="") as index:
        row = min(csv.DictReader(index), key=lambda row: int(row["bytes"]))
    spec = FileSpec(name="smallest", url=row["url"], bytes=int(row["bytes"]), sha256=row["sha256"])
    path = RawFiles(tmp_path / "raw", mirror=mirror).fetch(spec)
    assert path.stat().st_size == int(row["bytes"])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]

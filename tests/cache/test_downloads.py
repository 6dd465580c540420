"""Downloads against a real server on the loopback that cuts, lies, stalls and changes its mind."""

import contextlib
import email.utils
import hashlib
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neuropipe.errors import BadInput
from resources.fetch.downloads import FileSpec, RawFiles
from resources.fetch.web import Patience
from tests.http_server import MisbehavingServer, Reply, etag_of

BODY = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
SHA = hashlib.sha256(BODY).hexdigest()
PATH = "/study/counts.npy"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with MisbehavingServer() as running:
        running.files[PATH] = BODY
        yield running


@pytest.fixture
def waits():
    return []


@pytest.fixture
def raw(tmp_path, waits):
    patience = Patience(retries=3, backoff=0.001, connect_timeout=2.0, read_timeout=5.0, sleep=waits.append)
    return RawFiles(tmp_path / "raw", patience=patience)


def spec_of(server, **changes):
    return FileSpec(**{"name": "counts.npy", "url": server.url(PATH), "bytes": len(BODY), "sha256": SHA, **changes})


def ranges(server, path=PATH):
    return [request.headers.get("Range") for request in server.asked(path)]


def files_below(root):
    """Lock files aside, which stay in place."""
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in files if path.parts[0] != ".locks")


def test_a_file_is_fetched_once_and_kept_by_its_content(server, raw):
    seen = []
    path = raw.fetch(spec_of(server), progress=lambda done, total: seen.append((done, total)))
    assert path == raw.root / SHA[:2] / SHA
    assert path.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert raw.fetch(spec_of(server)) == path
    assert len(server.requests) == 1
    assert files_below(raw.root) == [f"{SHA[:2]}/{SHA}", f"{SHA[:2]}/{SHA}.json"]
    origin = raw.origin(SHA)
    assert (origin.url, origin.etag, origin.bytes) == (server.url(PATH), etag_of(BODY), len(BODY))
    assert abs(origin.fetched_at - time.time()) < 60


def test_a_cut_connection_is_resumed_where_it_stopped(server, raw, waits):
    server.plan(PATH, Reply(cut_after=100_000), Reply(cut_after=50_000))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]
    assert [request.headers.get("If-Range") for request in server.asked(PATH)][1:] == [etag_of(BODY)] * 2
    assert len(waits) == 2


def test_progress_does_not_count_as_failure_but_silence_does(server, raw, waits):
    server.plan(PATH, *[Reply(cut_after=20_000)] * 10)
    raw.fetch(spec_of(server))
    assert len(waits) == 10
    assert all(0.001 <= wait <= 0.0015 for wait in waits)


def test_waits_double_and_then_it_gives_up(server, raw, waits):
    server.always[PATH] = Reply(status=500)
    with pytest.raises(BadInput, match=r"500 .*4 times in a row.*NEUROPIPE_MIRROR"):
        raw.fetch(spec_of(server))
    assert len(server.requests) == 4
    assert len(waits) == 3
    assert all(base <= wait <= 1.5 * base for base, wait in zip([0.001, 0.002, 0.004], waits, strict=True))


def test_a_server_that_ignores_range_is_fetched_anew(server, raw):
    server.plan(PATH, Reply(cut_after=100_000), Reply(ignore_range=True))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-"]


@pytest.mark.parametrize("sha256", [hashlib.sha256(OTHER).hexdigest(), None])
@pytest.mark.parametrize("second", [Reply(), Reply(ignore_if_range=True)], ids=["answers-200", "answers-206"])
def test_a_file_that_changes_on_the_way_is_never_pieced_together(server, raw, second, sha256):
    server.files[PATH] = OTHER
    server.plan(PATH, Reply(body=BODY, cut_after=100_000), second)
    path = raw.fetch(spec_of(server, sha256=sha256))
    assert path.read_bytes() == OTHER
    assert path.name == hashlib.sha256(OTHER).hexdigest()
    assert raw.origin(path.name).etag == etag_of(OTHER)


@pytest.mark.parametrize("without_etag", [{"ETag": None}, {"ETag": 'W/"weak"'}], ids=["no-validator", "weak-validator"])
def test_without_a_validator_pieces_are_joined_only_if_a_hash_will_judge_them(server, raw, without_etag):
    server.always[PATH] = Reply(headers=without_etag)
    server.plan(PATH, Reply(headers=without_etag, cut_after=100_000))
    raw.fetch(spec_of(server))
    assert ranges(server) == [None, "bytes=100000-"]
    assert "If-Range" not in server.asked(PATH)[1].headers
    server.files["/other"] = OTHER
    server.always["/other"] = Reply(headers=without_etag)
    server.plan("/other", Reply(headers=without_etag, cut_after=100_000))
    path = raw.fetch(FileSpec(name="other", url=server.url("/other")))
    assert path.read_bytes() == OTHER
    assert ranges(server, "/other") == [None, None]


def test_pieces_that_do_not_fit_are_fetched_whole_before_the_server_is_blamed(server, raw):
    server.always[PATH] = Reply(headers={"ETag": None})
    server.plan(PATH, Reply(body=OTHER, headers={"ETag": None}, cut_after=100_000))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", None]
    assert not (raw.root / "quarantine").exists()


@pytest.mark.parametrize("known", [{}, {"bytes": None, "sha256": None}], ids=["hash-known", "hash-unknown"])
def test_a_206_for_another_place_is_not_appended(server, raw, known):
    server.plan(PATH, Reply(cut_after=100_000), Reply(ranges_from=0))
    assert raw.fetch(spec_of(server, **known)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", None]


def test_416_means_complete_if_the_sizes_agree_and_a_fresh_start_if_not(server, raw):
    server.plan(PATH, Reply(chunked=True, cut_after=len(BODY)))
    assert raw.fetch(spec_of(server, bytes=None)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=300000-"]
    raw.fetch(spec_of(server)).unlink()
    server.requests.clear()
    server.plan(PATH, Reply(cut_after=100_000), Reply(status=416, headers={"Content-Range": "bytes */5"}))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-", None]


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(server, raw, waits, status):
    server.plan(PATH, Reply(status=status, headers={"Retry-After": "7"}), Reply(status=status))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert waits[0] == 7.0
    assert 0.002 <= waits[1] <= 0.003


def test_retry_after_may_be_a_date(server, raw, waits):
    date = email.utils.formatdate(time.time() + 90, usegmt=True)
    server.plan(PATH, Reply(status=503, headers={"Retry-After": date}))
    raw.fetch(spec_of(server))
    assert 80 < waits[0] <= 90


def test_a_server_that_wants_hours_is_not_waited_for(server, raw, waits):
    server.plan(PATH, Reply(status=503, headers={"Retry-After": "7200"}))
    with pytest.raises(BadInput, match="come back in 7200 s"):
        raw.fetch(spec_of(server))
    assert waits == []


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not exist"), (403, "account or is not public"), (418, "418")]
)
def test_what_will_not_change_is_not_retried(server, raw, waits, status, words):
    server.always[PATH] = Reply(status=status)
    with pytest.raises(BadInput, match=words) as caught:
        raw.fetch(spec_of(server))
    assert server.url(PATH) in str(caught.value)
    assert len(server.requests) == 1


def test_wrong_bytes_are_put_aside_and_named(server, raw):
    server.plan(PATH, Reply(body=OTHER))
    with pytest.raises(BadInput) as caught:
        raw.fetch(spec_of(server))
    text = str(caught.value)
    aside = raw.root / "quarantine" / f"{hashlib.sha256(OTHER).hexdigest()[:16]}-counts.npy"
    for part in ("counts.npy", server.url(PATH), SHA, hashlib.sha256(OTHER).hexdigest(), "300,000", str(aside)):
        assert part in text
    assert aside.read_bytes() == OTHER
    assert not (raw.root / SHA[:2]).exists()
    assert raw.fetch(spec_of(server)).read_bytes() == BODY


def test_a_login_page_is_recognised_even_when_no_hash_is_known(server, raw):
    server.plan(PATH, Reply(body=b"<!DOCTYPE html><title>Sign in</title>"))
    with pytest.raises(BadInput, match="a web page, perhaps of a login"):
        raw.fetch(spec_of(server, bytes=None, sha256=None))


def test_an_announced_size_that_is_wrong_is_refused_before_a_byte_is_fetched(server, raw):
    server.always[PATH] = Reply(announced=10**12, hold_after=1)
    with pytest.raises(BadInput, match=r"announces 1,000,000,000,000 bytes .* where 300,000 are expected"):
        raw.fetch(spec_of(server))
    assert files_below(raw.root) == []


@pytest.mark.parametrize("framing", [{"chunked": True}, {"until_close": True}])
def test_a_file_that_does_not_end_is_stopped_one_byte_too_late(server, raw, framing):
    server.always[PATH] = Reply(body=BODY * 20, hold_after=400_000, **framing)
    with pytest.raises(BadInput, match=r"300,001 bytes"):
        raw.fetch(spec_of(server))
    (aside,) = (raw.root / "quarantine").iterdir()
    assert aside.read_bytes() == (BODY * 2)[:300_001]


def test_an_announced_size_that_is_never_reached_fails_in_words(server, raw):
    server.always[PATH] = Reply(announced=400_000)
    with pytest.raises(BadInput, match="could not be fetched"):
        raw.fetch(spec_of(server, bytes=None, sha256=None))


def test_a_cut_that_http_can_not_see_is_seen_by_size(server, raw):
    server.plan(PATH, Reply(until_close=True, cut_after=100_000))
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-"]


def test_a_stalled_server_is_left_and_asked_again(server, raw):
    server.plan(PATH, Reply(hold_after=100_000))
    hurried = RawFiles(raw.root, patience=Patience(backoff=0.001, read_timeout=0.2))
    assert hurried.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-"]


def test_no_network_and_no_mirror_is_said_with_the_way_out(raw):
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(BadInput, match=r"could not be fetched .*Connection refused.*NEUROPIPE_MIRROR"):
            raw.fetch(FileSpec(name="a", url=f"http://127.0.0.1:{port}/a.npy"))


def test_redirects_are_followed_to_http_only(server, raw):
    server.always["/moved"] = Reply(status=302, headers={"Location": PATH})
    assert raw.fetch(spec_of(server, url=server.url("/moved"))).read_bytes() == BODY
    for there in ("file:///etc/passwd", "ftp://127.0.0.1/a"):
        server.always["/evil"] = Reply(status=302, headers={"Location": there})
        with pytest.raises(BadInput, match=r"redirects from http to .*refused"):
            raw.fetch(spec_of(server, url=server.url("/evil"), sha256=None))
    server.always["/loop"] = Reply(status=302, headers={"Location": "/loop"})
    with pytest.raises(BadInput, match="redirects more than 10 times"):
        raw.fetch(spec_of(server, url=server.url("/loop"), sha256=None))


def test_https_is_never_left_for_http(server):
    import httpx

    from resources.fetch.web import opened

    answer = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": server.url(PATH)}))
    with (
        httpx.Client(transport=answer) as client,
        pytest.raises(BadInput, match="from https to http"),
        opened(client, "GET", "https://host/a", {}),
    ):
        pass
    assert server.requests == []


def test_a_damaged_raw_file_is_fetched_again_and_a_lost_note_is_written_anew(server, raw):
    path = raw.fetch(spec_of(server))
    path.with_suffix(".json").unlink()
    assert raw.fetch(spec_of(server)) == path
    assert len(server.requests) == 1
    path.chmod(0o644)
    path.write_bytes(BODY[:-1])
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert len(server.requests) == 2
    assert len(list((raw.root / "quarantine").iterdir())) == 1


def test_a_size_that_contradicts_the_hash_is_the_catalogues_fault(server, raw):
    raw.fetch(spec_of(server))
    with pytest.raises(BadInput, match=r"has 300,000 bytes where 7 are expected"):
        raw.fetch(spec_of(server, bytes=7))


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "../../../etc/passwd"},
        {"sha256": SHA.upper()},
        {"bytes": -1},
        {"url": "file:///etc/passwd"},
        {"url": None},
        {"path": Path("a")},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(server, wrong):
    with pytest.raises(BadInput):
        spec_of(server, **wrong)


FETCH = """
import logging, sys
from pathlib import Path
from resources.fetch.downloads import FileSpec, RawFiles
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
root, url, sha256 = sys.argv[1:]
print(RawFiles(Path(root)).fetch(FileSpec(name="counts.npy", url=url, sha256=sha256)), flush=True)
"""


def start_fetching(raw, server):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", FETCH, str(raw.root), server.url(PATH), SHA]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def wait_for_part(raw, size):
    part = raw.root / "partial" / f"{SHA}.part"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size == size):
        assert time.monotonic() < deadline, "the download did not start"
        time.sleep(0.01)


def test_two_processes_at_once_download_once(server, raw):
    server.plan(PATH, Reply(hold_after=1_000))
    with start_fetching(raw, server) as first:
        wait_for_part(raw, 1_000)
        with start_fetching(raw, server) as second:
            waits = f"waiting for another process (process {first.pid}) that holds {raw.root}/.locks/{SHA}\n"
            assert second.stdout.readline() == waits
            server.release.set()
            answers = [process.communicate(timeout=60)[0].splitlines()[-1] for process in (first, second)]
    assert answers == [str(raw.root / SHA[:2] / SHA)] * 2
    assert len(server.asked(PATH)) == 1
    assert files_below(raw.root) == [f"{SHA[:2]}/{SHA}", f"{SHA[:2]}/{SHA}.json"]


def test_after_kill_9_only_the_rest_is_fetched_and_no_lock_is_stuck(server, raw):
    server.plan(PATH, Reply(hold_after=100_000))
    with start_fetching(raw, server) as victim:
        wait_for_part(raw, 100_000)
        victim.kill()
    assert (raw.root / ".locks" / SHA).exists()
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert ranges(server) == [None, "bytes=100000-"]
    assert files_below(raw.root) == [f"{SHA[:2]}/{SHA}", f"{SHA[:2]}/{SHA}.json"]


def test_a_complete_part_left_by_a_kill_is_verified_without_the_network(server, raw):
    server.plan(PATH, Reply(cut_after=299_999))
    stopped = RawFiles(raw.root, patience=Patience(retries=0))
    with pytest.raises(BadInput, match="could not be fetched"):
        stopped.fetch(spec_of(server))
    with (raw.root / "partial" / f"{SHA}.part").open("ab") as part:
        part.write(BODY[-1:])
    assert raw.fetch(spec_of(server)).read_bytes() == BODY
    assert len(server.requests) == 1


def test_importing_downloads_does_not_load_httpx():
    code = "import sys, resources.fetch.downloads; print('httpx' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert re.fullmatch("False\n", answer.stdout)

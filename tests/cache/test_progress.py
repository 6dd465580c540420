"""Checkpoints of interrupted work: kept for what would resume from them, removed with the commit, swept otherwise."""

import pytest

from resources.store.gc import collect_garbage
from resources.store.needed import needed_artifacts, needed_progress
from resources.store.plan import Planner
from tests.three_stages import Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def begun(bench, overrides=None, key="d.one", asset="source", fingerprint=None):
    """A folder as a killed run leaves it."""
    planner = Planner(bench.pipeline, overrides)
    fingerprint = fingerprint or planner.decide(asset, bench.catalog.session(key)).fingerprint
    folder = progress(bench, asset, key, fingerprint, planner.overrides)
    (folder / "fold-0").mkdir(exist_ok=True)
    (folder / "fold-0" / "network").write_bytes(b"12345")
    return folder


def progress(bench, asset, key, fingerprint, overrides):
    owner = {"asset": asset, "session": key, "fingerprint": fingerprint, "overrides": overrides}
    return bench.store.progress(asset, fingerprint, owner)


def swept(bench, *, variants=True, dry_run=False):
    needed = needed_artifacts(bench.pipeline, variants=variants)
    resumable = needed_progress(bench.pipeline, variants=variants)
    found = collect_garbage(bench.store, needed, resumable, dry_run=dry_run)
    assert {item.kind for item in found} <= {"unfinished", "lock"}
    return {item.path for item in found if item.kind == "unfinished"}


def test_what_would_be_resumed_is_kept(bench):
    folder = begun(bench)
    assert begun(bench) == folder, "the same work, the same folder"
    assert swept(bench) == set()
    assert (folder / "fold-0" / "network").is_file()


def test_a_commit_removes_it(bench):
    session = bench.catalog.session("d.one")
    fingerprint = Planner(bench.pipeline).decide("source", session).fingerprint
    folder = begun(bench)
    bench.store.clear_progress("source", fingerprint)
    assert not folder.exists()
    bench.store.clear_progress("source", fingerprint)


def test_what_was_made_meanwhile_or_is_made_otherwise_now_is_swept(bench):
    bench.run()
    of_hit, of_other_code = begun(bench), begun(bench, fingerprint="f" * 64)
    of_gone = progress(bench, "decoder/gone", "d.one", "a" * 64, {})
    of_gone_session = progress(bench, "source", "d.gone", "b" * 64, {})
    of_gone_setting = progress(bench, "source", "d.one", "c" * 64, {"doubled": {"gone": 1}})
    unnamed = bench.store.root / ".progress" / "x"
    unnamed.mkdir()
    everything = {of_hit, of_other_code, of_gone, of_gone_session, of_gone_setting, unnamed}
    assert swept(bench, dry_run=True) == everything
    assert swept(bench) == everything
    assert not any(folder.exists() for folder in everything)


def test_that_of_a_variant_stays_until_variants_go(bench):
    overrides = {"doubled": {"times": 3}}
    bench.run()
    folder = begun(bench, overrides, asset="doubled")
    assert swept(bench) == set()
    assert swept(bench, variants=False) == {folder}


def test_that_of_a_process_at_work_is_never_swept(bench):
    folder = begun(bench, fingerprint="f" * 64)
    with bench.store.lock("source", "f" * 64):
        assert swept(bench) == set()
    assert swept(bench) == {folder}

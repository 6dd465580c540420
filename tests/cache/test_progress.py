"""Work in progress: kept for what would go on with it, removed with the commit, swept when nothing would."""

import pytest

from resources.store.gc import collect_garbage
from resources.store.plan import Planner
from tests.three_stages import Bench


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def begun(bench, overrides=None, key="d.one", asset="source", fingerprint=None):
    """A folder as a killed run leaves it."""
    planner = Planner(bench.pipeline, overrides)
    fingerprint = fingerprint or planner.decide(asset, bench.catalog.session(key)).fingerprint
    folder = bench.store.progress(asset, key, fingerprint, planner.overrides)
    (folder / "fold-0").mkdir(exist_ok=True)
    (folder / "fold-0" / "network").write_bytes(b"12345")
    return folder


def swept(bench, **options):
    found = collect_garbage(bench.pipeline, **options)
    assert {item.kind for item in found} <= {"unfinished"}
    return {item.path for item in found}


def test_what_would_be_gone_on_with_is_kept(bench):
    folder = begun(bench)
    assert begun(bench) == folder, "the same work, the same folder"
    assert swept(bench) == set()
    assert (folder / "fold-0" / "network").is_file()


def test_a_commit_removes_it(bench):
    session = bench.catalog.session("d.one")
    fingerprint = Planner(bench.pipeline).decide("source", session).fingerprint
    folder = begun(bench)
    bench.store.clear_progress("source", "d.one", fingerprint)
    assert not folder.exists()
    bench.store.clear_progress("source", "d.one", fingerprint)


def test_what_was_made_meanwhile_or_is_made_otherwise_now_is_swept(bench):
    bench.run()
    of_hit, of_other_code = begun(bench), begun(bench, fingerprint="f" * 64)
    of_gone = bench.store.progress("decoder/gone", "d.one", "a" * 64, {})
    of_gone_session = bench.store.progress("source", "d.gone", "a" * 64, {})
    of_gone_setting = bench.store.progress("source", "d.one", "a" * 64, {"doubled": {"gone": 1}})
    unnamed = bench.store.root / ".progress" / "x"
    unnamed.mkdir()
    everything = {of_hit, of_other_code, of_gone, of_gone_session, of_gone_setting, unnamed}
    assert swept(bench, dry_run=True) == everything
    assert swept(bench) == everything
    assert not any(folder.exists() for folder in everything)


def test_variants_are_kept_until_variants_are_to_go(bench):
    bench.run()
    folder = begun(bench, {"doubled": {"times": 7}}, asset="doubled")
    assert swept(bench) == set()
    assert swept(bench, drop_variants=True) == {folder}


def test_what_a_live_process_works_on_is_left_alone(bench):
    folder = begun(bench, fingerprint="f" * 64)
    with bench.store.lock("source", "d.one", "f" * 64):
        assert swept(bench) == set()
    assert swept(bench) == {folder}

"""Raw files that are damaged or changed on the disk, through the command itself."""

import hashlib

import pytest

from tests import damage as ways
from tests.cli.command import ask, counts, get
from tests.cli.web_files import RUN_WEB, TASK, from_web, good_counts, packed
from tests.installation import Place, make_place


@pytest.fixture
def place(tmp_path) -> Place:
    return make_place(tmp_path)


def forget_artifacts(place: Place) -> None:
    (place.root / "artifacts").rename(place.root / f"artifacts.{len(list(place.root.glob('artifacts.*')))}")


@pytest.mark.slow
def test_a_recording_is_never_made_from_a_damaged_raw_file(place, server, tmp_path):
    body = packed(tmp_path / "good", **good_counts())
    from_web(place, server, body)
    assert counts(get(place, *RUN_WEB)) == (0, 1, 0)
    (row,) = get(place, "plan", "recording", "--session", "web.one")
    sha256 = hashlib.sha256(body).hexdigest()
    raw = place.root / "raw" / sha256[:2] / sha256
    # Every other damage is done to the same files where downloads are tested, without the command around them.
    for damage in (ways.flip_middle_byte, ways.truncate, ways.replace_by_folder):
        for path in (raw, raw.with_suffix(".json")):
            forget_artifacts(place)
            damage(path)
            assert counts(get(place, *RUN_WEB)) == (0, 1, 0), (damage, path)
            assert get(place, "plan", "recording", "--session", "web.one") == [row], (damage, path)
            assert raw.read_bytes() == body


def test_a_damaged_lock_file_is_one_sentence(place, server, tmp_path):
    from_web(place, server, packed(tmp_path / "good", **good_counts()), task=TASK)
    assert counts(get(place, *RUN_WEB)) == (0, 1, 0)
    lock = place.root / "catalog" / "web.lock"
    ways.not_utf8(lock)
    for command in (RUN_WEB, ("plan", "--session", "web.one")):
        answer = ask(place, *command)
        assert answer.code == 2
        (line,) = answer.err.splitlines()
        assert line.startswith(f"neuropipe: {lock} is damaged (")
        assert "restore it from version control, or delete it" in line
    lock.unlink()
    assert ask(place, *RUN_WEB).code == 0

"""Removal and quarantine: a kill at any instant leaves a whole thing in its place, or nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.files.notes import read_note, write_note
from resources.files.safe_files import clear_leftovers, empty_trash, remove_durably, set_aside, write_durably
from tests.damage import DAMAGES

ROOT = Path(__file__).resolve().parents[2]


def tree(path: Path, n_files: int = 20) -> Path:
    (path / "inner").mkdir(parents=True)
    for number in range(n_files):
        (path / "inner" / str(number)).write_text("x")
    return path


def test_files_and_folders_are_removed(tmp_path):
    (tmp_path / "file").write_text("x")
    assert remove_durably(tmp_path / "file", tmp_path / "trash")
    assert remove_durably(tree(tmp_path / "folder"), tmp_path / "trash")
    assert not remove_durably(tmp_path / "folder", tmp_path / "trash")
    assert [path.name for path in tmp_path.iterdir()] == ["trash"]
    assert list((tmp_path / "trash").iterdir()) == []


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path):
    kept = tree(tmp_path / "kept")
    (tmp_path / "link").symlink_to(kept)
    assert remove_durably(tmp_path / "link", tmp_path / "trash")
    assert len(list((kept / "inner").iterdir())) == 20


def test_write_protected_folders_are_removed(tmp_path):
    path = tree(tmp_path / "folder")
    (path / "inner").chmod(0o555)
    remove_durably(path, tmp_path / "trash")
    assert list((tmp_path / "trash").iterdir()) == []


def test_a_damaged_thing_keeps_its_content_in_quarantine_and_others_of_its_name_stay(tmp_path):
    places = set()
    for text in ("one", "two"):
        (tmp_path / "file").write_text(text)
        place = set_aside(tmp_path / "file", tmp_path / "quarantine")
        assert place.read_text() == text
        places.add(place)
    assert len(places) == 2
    assert set_aside(tmp_path / "file", tmp_path / "quarantine") is None


REMOVE = """
import sys
from pathlib import Path
from resources.files.safe_files import remove_durably
print("ready", flush=True)
for name in sys.stdin:
    remove_durably(Path(sys.argv[1], name.strip()), Path(sys.argv[1], ".trash"))
"""


def test_a_killed_removal_leaves_all_or_nothing_and_the_trash_can_be_emptied(tmp_path):
    rng = random.Random(0)
    for _ in range(10):
        names = [str(number) for number in range(30)]
        for name in names:
            if not (tmp_path / name).exists():
                tree(tmp_path / name)
        command = [sys.executable, "-c", REMOVE, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as one:
            assert one.stdout.readline() == "ready\n"
            one.stdin.write("\n".join(names) + "\n")
            one.stdin.flush()
            time.sleep(rng.uniform(0, 0.05))
            one.send_signal(signal.SIGKILL)
        for name in names:
            if (tmp_path / name).exists():
                assert len(list((tmp_path / name / "inner").iterdir())) == 20
    empty_trash(tmp_path / ".trash")
    assert list((tmp_path / ".trash").iterdir()) == []


def test_leftovers_of_killed_writes_are_cleared_and_nothing_else(tmp_path):
    path = tmp_path / "note"
    write_durably(path, "text")
    for name in (f".note.{'a' * 32}", ".note.b", f".notes.{'a' * 32}", f"note.{'a' * 32}"):
        (tmp_path / name).write_text("x")
    clear_leftovers(path)
    left = sorted(found.name for found in tmp_path.iterdir())
    assert left == [".note.b", f".notes.{'a' * 32}", "note", f"note.{'a' * 32}"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_note_counts_as_missing_and_can_be_written_again(tmp_path, damage):
    path, content = tmp_path / "note.json", {"name": "é", "numbers": [1, 2.5, None]}
    write_note(path, content, tmp_path / "quarantine")
    assert read_note(path) == content
    damage(path)
    assert read_note(path) is None
    write_note(path, content, tmp_path / "quarantine")
    assert read_note(path) == content


def test_no_single_flipped_bit_of_a_note_is_believed(tmp_path):
    path, content = tmp_path / "note.json", {"sha256": "0" * 64, "bytes": 1234}
    write_note(path, content, tmp_path)
    written = path.read_bytes()
    for position in range(len(written)):
        for bit in range(8):
            path.write_bytes(written[:position] + bytes([written[position] ^ 1 << bit]) + written[position + 1 :])
            assert read_note(path) in (None, content)  # a blank may become another blank

"""Code versions are computed again only where the source changed, and kept on disk by its content."""

import os

import pytest

from resources.store.code import CodeBase, reference
from resources.store.code import version as versions
from tests.cache.source_tree import SourceTree

ROOT = "neuropipe.m:root"
USES = "from neuropipe.a import f\ndef root():\n    return f()\n"
FAR = "def f(): return {}\n"


def test_only_changed_files_are_parsed_again(tmp_path, monkeypatch):
    parsed = []
    parse = versions.parse
    monkeypatch.setattr(
        versions, "parse", lambda source, name, *more: parsed.append(name) or parse(source, name, *more)
    )
    tree = SourceTree(tmp_path, {"neuropipe/m.py": USES, "neuropipe/a.py": FAR})
    tree.version(ROOT)
    parsed.clear()
    tree.edit("neuropipe/a.py", "{}", "2")
    tree.version(ROOT)
    assert parsed == ["neuropipe.a"]
    code = tree.now()
    assert code.refreshed() is code


def test_an_edit_that_hides_behind_size_and_times_is_seen(tmp_path):
    tree = SourceTree(tmp_path, {"neuropipe/m.py": "def root(): return 1\n"})
    path = tmp_path / "neuropipe" / "m.py"
    seen = {tree.version(ROOT)}
    for number in range(2, 9):  # faster than the file system's clock ticks
        status = path.stat()
        path.write_text(f"def root(): return {number}\n")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        seen.add(tree.version(ROOT))
    assert len(seen) == 8


def test_versions_are_kept_on_disk_by_content(tmp_path, monkeypatch):
    tree = SourceTree(tmp_path / "code", {"neuropipe/m.py": USES, "neuropipe/a.py": FAR})
    cache, roots = tmp_path / "cache", [reference(ROOT)]
    first = CodeBase(tree.root, cache)
    expected, files = first.version(roots), first.files(roots)
    with monkeypatch.context() as patch:
        patch.setattr(versions, "parse", lambda *_: pytest.fail("nothing has to be parsed"))
        again = CodeBase(tree.root, cache)
        assert (again.version(roots), again.files(roots)) == (expected, files)
    tree.edit("neuropipe/a.py", "{}", "2")
    assert CodeBase(tree.root, cache).version(roots) != expected
    tree.edit("neuropipe/a.py", "2", "{}")
    assert CodeBase(tree.root, cache).version(roots) == expected


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "bytes", "folder", "other"])
def test_a_damaged_cache_is_ignored(tmp_path, damage):
    tree = SourceTree(tmp_path / "code", {"neuropipe/m.py": "def root(): return 1\n"})
    cache, roots = tmp_path / "cache", [reference(ROOT)]
    expected = CodeBase(tree.root, cache).version(roots)
    (file,) = cache.iterdir()
    body = file.read_bytes()
    if damage == "flip":
        digit = body.index(expected.encode())
        file.write_bytes(body[:digit] + (b"0" if body[digit : digit + 1] != b"0" else b"1") + body[digit + 1 :])
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(
            {"cut": body[: len(body) // 2], "empty": b"", "bytes": b"\xff\n" * 9, "other": b"[]\n"}[damage]
        )
    assert CodeBase(tree.root, cache).version(roots) == expected
    assert CodeBase(tree.root, cache).version(roots) == expected, "and after it was written again"


def test_only_the_newest_states_stay_on_disk(tmp_path):
    tree = SourceTree(tmp_path / "code", {"neuropipe/m.py": "def root(): return 0\n"})
    for number in range(25):
        tree.write("neuropipe/m.py", f"def root(): return {number}\n")
        CodeBase(tree.root, tmp_path / "cache").version([reference(ROOT)])
    assert len(list((tmp_path / "cache").iterdir())) == 20


def test_what_was_computed_for_one_cache_is_written_into_another(tmp_path, monkeypatch):
    tree = SourceTree(tmp_path / "code", {"neuropipe/m.py": USES, "neuropipe/a.py": FAR})
    monkeypatch.setattr(versions, "_current", {})
    roots = [reference(ROOT)]
    first = versions.current_code(tmp_path / "one", tree.root).version(roots)
    with monkeypatch.context() as patch:
        patch.setattr(versions, "parse", lambda *_: pytest.fail("nothing has to be parsed"))
        assert versions.current_code(tmp_path / "two", tree.root).version(roots) == first
    assert [path.read_bytes() for path in (tmp_path / "two").iterdir()] == [
        path.read_bytes() for path in (tmp_path / "one").iterdir()
    ]
    tree.edit("neuropipe/a.py", "{}", "2")
    assert versions.current_code(tmp_path / "three", tree.root).version(roots) != first

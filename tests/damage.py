"""Ways in which a file gets damaged on a disk."""

from pathlib import Path


def flip_first_byte(path: Path) -> None:
    _flip(path, 0)


def flip_middle_byte(path: Path) -> None:
    _flip(path, path.stat().st_size // 2)


def flip_last_byte(path: Path) -> None:
    _flip(path, path.stat().st_size - 1)


def truncate(path: Path) -> None:
    _write(path, path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    _write(path, b"")


def append(path: Path) -> None:
    _write(path, path.read_bytes() + b"\0")


def delete(path: Path) -> None:
    path.unlink()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "file").write_text("something")


def not_utf8(path: Path) -> None:
    _write(path, b"\xff\xfe" + path.read_bytes())


def another_json(path: Path) -> None:
    _write(path, b'["something else"]')


def deeply_nested(path: Path) -> None:
    _write(path, b"[" * 100_000)


DAMAGES = [
    flip_first_byte,
    flip_middle_byte,
    flip_last_byte,
    truncate,
    empty,
    append,
    delete,
    replace_by_folder,
    not_utf8,
    another_json,
    deeply_nested,
]


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    _write(path, bytes(content))


def _write(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)

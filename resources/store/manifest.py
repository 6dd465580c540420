"""Manifests and file trees of artifacts: sealed JSON, hashes, sizes, and what counts as damage when reading."""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.files.safe_files import sync

MANIFEST = "_manifest.json"
_VERSION_FIELD = b'{"data_version": "'
_SEAL = b', "manifest_sha256": "'
_SEALED_BY = len(_SEAL) + 64 + len(b'"}')
# Errors that say something about the file. Others, such as too many open files, say something about this process.
_DAMAGE = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ELOOP,
    errno.ENXIO,
    errno.EINVAL,
}
_UNREADABLE = ("unreadable", -1)


class CorruptArtifact(BadInput):
    """An artifact is missing, or its bytes are not those that were committed."""


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value)).hexdigest()


def is_damage(error: OSError) -> bool:
    """Whether a failed read means that the file is missing or damaged."""
    return error.errno in _DAMAGE


def read_bytes(path: str | Path) -> bytes | None:
    """The bytes of a small file; None if it is missing or can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if is_damage(error):
            return None
        raise
    try:
        return read_descriptor(descriptor)
    finally:
        os.close(descriptor)


def read_descriptor(descriptor: int) -> bytes | None:
    """All bytes of an open file; None if they can't be read."""
    parts = []
    try:
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
    except OSError as error:
        if is_damage(error):
            return None
        raise
    return b"".join(parts)


def read_json(path: Path) -> Any:
    """The value of a small JSON file; None if it is missing, unreadable or not JSON."""
    raw = read_bytes(path)
    try:
        return None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        return None


def seal(manifest: Mapping[str, Any]) -> bytes:
    """The bytes of a manifest. They end with the hash of everything before it."""
    body = json.dumps(manifest, allow_nan=False)[:-1].encode()
    return body + _SEAL + hashlib.sha256(body).hexdigest().encode() + b'"}'


def unseal(raw: bytes | None) -> dict[str, Any] | None:
    """The manifest in these bytes; None if any byte differs from what `seal` wrote."""
    if raw is None:
        return None
    body = raw[:-_SEALED_BY]
    if raw[-_SEALED_BY:] != _SEAL + hashlib.sha256(body).hexdigest().encode() + b'"}':
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return None


def read_data_version(path: str) -> str | None:
    """The data version at the head of a manifest. Reads nothing else, as plans ask this of thousands of artifacts."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if is_damage(error):
            return None
        raise
    try:
        head = os.read(descriptor, len(_VERSION_FIELD) + 65)
    except OSError as error:
        if is_damage(error):
            return None
        raise
    finally:
        os.close(descriptor)
    version = head[len(_VERSION_FIELD) : -1]
    if not head.startswith(_VERSION_FIELD) or head[-1:] != b'"' or not version.isalnum():
        return None
    return version.decode()


def scan(root: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    """Relative path and status of everything below `root` but readable folders; follows no symbolic links."""
    waiting = [("", str(root))]
    while waiting:
        prefix, folder = waiting.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            if not is_damage(error):
                raise
            if prefix and os.path.lexists(folder):
                yield prefix.rstrip("/"), os.lstat(folder)
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append((f"{prefix}{entry.name}/", entry.path))
            else:
                yield prefix + entry.name, entry.stat(follow_symlinks=False)


def stamp(root: Path) -> frozenset[tuple]:
    """Names, sizes, times and inodes of all files below `root`: equal stamps mean untouched files."""
    return frozenset(
        (name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino) for name, status in scan(root)
    )


def hash_tree(root: Path) -> dict[str, tuple[str, int]]:
    """Relative path -> (sha256, bytes) of every file below `root`, sorted by path."""
    return {name: _hash(root / name, status) for name, status in sorted(scan(root), key=lambda item: item[0])}


def tree_version(files: Mapping[str, tuple[str, int]]) -> str:
    """The data version: the hash of all paths and contents."""
    return digest({name: sha for name, (sha, _) in files.items()})


def size(path: str) -> int:
    """Bytes of a regular file, -1 where there is none."""
    try:
        status = os.lstat(path)
    except OSError as error:
        if is_damage(error):
            return -1
        raise
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def irregular(root: Path) -> list[str]:
    """Paths below `root` that are neither files nor readable folders, such as symbolic links."""
    return sorted(name for name, status in scan(root) if not stat.S_ISREG(status.st_mode))


def sync_tree(root: Path) -> None:
    """Put every file and every folder below `root` on the disk."""
    for folder, _, names in os.walk(root):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))


def _hash(path: Path, status: os.stat_result) -> tuple[str, int]:
    if not stat.S_ISREG(status.st_mode):
        return _UNREADABLE
    try:
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
            return sha, os.fstat(file.fileno()).st_size
    except OSError as error:
        if is_damage(error):
            return _UNREADABLE
        raise

"""An artifact as it is read, and as it is written: Zarr arrays, Parquet tables, JSON, files; plots beside them."""

import contextlib
import fcntl
import json
import os
import resource
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.store.manifest import MANIFEST, CorruptArtifact, is_damage, read_descriptor, unseal

__all__ = ["ARRAYS", "MANIFEST", "Artifact", "Blocks", "CorruptArtifact", "Draft", "Hold"]

ARRAYS = "arrays.zarr"


class Hold:
    """A shared lock on the manifest of an artifact: `gc` leaves the artifact alone until nothing refers to the lock."""

    def __init__(self, descriptor: int):
        self.release = weakref.finalize(self, os.close, descriptor)

    def __reduce__(self):
        # A copy in another process needs no lock of its own: the sender keeps the artifact held.
        return type(None), ()


@dataclass(frozen=True)
class Artifact:
    """A handle on one committed directory; opens nothing until asked. held_by : keeps `gc` away while it is in use."""

    path: Path
    manifest: Mapping[str, Any]
    held_by: Hold | None = field(default=None, compare=False, repr=False)

    @classmethod
    def read(cls, path: Path, *, hold: bool = False) -> "Artifact | None":
        """The artifact in a directory; None if there is none, or its manifest is damaged.

        hold : take the shared lock, so that the artifact stays until the returned object and its arrays are gone
        """
        descriptor = _open(path / MANIFEST)
        if descriptor is None:
            return None
        kept = False
        try:
            if hold and not _lock_shared(descriptor, path / MANIFEST):
                return None
            manifest = unseal(read_descriptor(descriptor))
            kept = hold and manifest is not None
        finally:
            if not kept:
                os.close(descriptor)
        return None if manifest is None else cls(path, manifest, Hold(descriptor) if kept else None)

    @contextlib.contextmanager
    def hold(self) -> Iterator["Artifact"]:
        """Keep the artifact from being removed by `gc`. Raises CorruptArtifact if it is gone already."""
        held = Artifact.read(self.path, hold=True)
        if held is None or held.held_by is None:
            raise CorruptArtifact(f"{self.path} is no longer in the store: run again to rebuild it")
        try:
            yield held
        finally:
            held.held_by.release()

    @property
    def asset(self) -> str:
        return self.manifest["asset"]

    @property
    def data_version(self) -> str:
        return self.manifest["data_version"]

    @property
    def fingerprint(self) -> str:
        return self.manifest["fingerprint"]

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.manifest["metadata"]

    @property
    def checks(self) -> Mapping[str, Mapping[str, Any]]:
        return self.manifest["checks"]

    @cached_property
    def arrays(self):
        """The Zarr group of the artifact's arrays, read-only."""
        import zarr

        from resources.store.zarr_arrays import ArtifactArrays

        # The arrays refer to the hold, not to this object: a cycle would keep it until Python collects cycles.
        root, files = self.path / "data" / ARRAYS, self.manifest["files"]
        return zarr.open_group(ArtifactArrays(root, files=files, hold=self.held_by), mode="r")

    def array(self, name: str):
        """A zarr.Array by name; None if there is none."""
        return self.arrays[name] if self._has_array(name) else None

    def arrays_in(self, group: str) -> Iterator[tuple[str, Any]]:
        """Name and zarr.Array of every array of a group, sorted."""
        return ((name, self.arrays[f"{group}/{name}"]) for name in self._members(group, "array"))

    def groups(self, group: str) -> Iterator[tuple[str, Any]]:
        """Name and zarr.Group of every subgroup of a group, sorted."""
        return ((name, self.arrays[f"{group}/{name}"]) for name in self._members(group, "group"))

    def table(self, name: str, columns: Sequence[str] | None = None):
        """A table, or some of its columns, as a pandas DataFrame."""
        import pandas as pd

        return pd.read_parquet(self.path / "data" / f"{name}.parquet", columns=columns)

    def json(self, name: str) -> Any:
        return json.loads((self.path / "data" / f"{name}.json").read_bytes())

    def has(self, name: str) -> bool:
        """Whether the artifact has an array, table, JSON document, file or folder of this name."""
        files = self.manifest["files"]
        if any(f"{name}{ending}" in files for ending in ("", ".parquet", ".json")) or self._has_array(name):
            return True
        return any(file.startswith(f"{name}/") for file in files)

    def folder(self, name: str) -> Path:
        return self.path / "data" / name

    def plots(self) -> list[Path]:
        return sorted((self.path / "extras").glob("*.png"))

    def _has_array(self, name: str) -> bool:
        return f"{ARRAYS}/{name}/zarr.json" in self.manifest["files"]

    def _members(self, group: str, kind: str) -> list[str]:
        start, end = f"{ARRAYS}/{group}/", "/zarr.json"
        nodes = sorted(
            name[len(start) : -len(end)]
            for name in self.manifest["files"]
            if name.startswith(start) and name.endswith(end) and name.count("/") == start.count("/") + 1
        )
        return [name for name in nodes if self.arrays[f"{group}/{name}"].metadata.node_type == kind]


@dataclass(frozen=True)
class Blocks:
    """An array that is written block by block. blocks : (slices, values), which together cover the whole shape."""

    shape: tuple[int, ...]
    dtype: Any
    chunks: tuple[int, ...] | None
    blocks: Iterable[tuple[tuple[slice, ...], Any]]


class Draft:
    """An artifact being written: filled by a stage, then committed whole or not at all."""

    def __init__(self, path: Path):
        self.path = path
        self.metadata: dict[str, Any] = {}
        self.checks: dict[str, dict[str, Any]] = {}
        self.data = path / "data"
        self.extras = path / "extras"
        self._lengths: dict[tuple[str, str], tuple[int, str]] = {}
        # A child process opens the draft that its parent made.
        self.data.mkdir(exist_ok=True)
        self.extras.mkdir(exist_ok=True)

    @cached_property
    def arrays(self):
        """The Zarr v3 group of the draft's arrays (Zarr's default compressor is zstd)."""
        import zarr

        return zarr.open_group(self.data / ARRAYS, mode="a", zarr_format=3)

    @property
    def scratch(self) -> Path:
        """A folder for temporary files, deleted before the commit."""
        path = self.path / "scratch"
        path.mkdir(exist_ok=True)
        return path

    def array(
        self,
        name: str,
        values: Any,
        *,
        dims: Sequence[str],
        attributes: Mapping[str, Any] | None = None,
        chunks: tuple[int, ...] | None = None,
        shards: tuple[int, ...] | None = None,
    ) -> None:
        """Write an array. values : numpy array, zarr.Array (copied chunk by chunk) or Blocks; dims : axis names.

        A zarr.Array below `scratch` is moved, not copied; it can still be read until the commit.
        """
        from resources.store.zarr_arrays import write_array

        _check_name(name)
        self._check_dims(name, tuple(values.shape), tuple(dims))
        if (self.data / ARRAYS / name).exists():
            raise ValueError(f"the array {name} was written already")
        write_array(
            self.arrays,
            name,
            values,
            dims=dims,
            attributes=attributes,
            chunks=chunks,
            shards=shards,
            scratch=self.scratch,
        )

    def table(self, name: str, frame) -> None:
        """Write a pandas DataFrame as Parquet, without its index."""
        import pandas as pd

        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"the table {name} is a {type(frame).__name__}; a pandas DataFrame is expected")
        frame.to_parquet(self._new(f"{name}.parquet"), index=False)

    def json(self, name: str, value: Any) -> None:
        self._new(f"{name}.json").write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def folder(self, name: str) -> Path:
        """A new folder in data/ for files of a model's own format."""
        path = self._new(name)
        path.mkdir(parents=True)
        return path

    def plot(self, name: str, figure) -> None:
        """Save a matplotlib figure as extras/<name>.png."""
        from neuropipe import plots

        plots.save(figure, self.extras / f"{name}.png")

    def check(self, name: str, passed: bool, *, warn: bool = False, description: str = "", **metadata: Any) -> None:
        """Record the outcome of a check. Raises BadInput if it failed and is no warning: nothing is committed then."""
        self.checks[name] = {"passed": bool(passed), "warn": warn, "description": description, "metadata": metadata}
        if not passed and not warn:
            raise BadInput(f"check {name} failed: {description or 'see its metadata'} {metadata or ''}".rstrip())

    def _new(self, name: str) -> Path:
        _check_name(name)
        path = self.data / name
        if path.exists():
            raise ValueError(f"{name} was written already")
        return path

    def _check_dims(self, name: str, shape: tuple[int, ...], dims: tuple[str, ...]) -> None:
        if len(dims) != len(shape) or len(set(dims)) != len(dims):
            raise ValueError(f"the array {name} has shape {shape} and needs as many different axis names, not {dims}")
        group = name.rpartition("/")[0]
        for dim, length in zip(dims, shape, strict=True):
            known, owner = self._lengths.setdefault((group, dim), (length, name))
            if known != length:
                raise ValueError(f"the axis {dim} has {known} steps in {owner} and {length} in {name}")


def _check_name(name: str) -> None:
    if not name or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(f"{name!r} can't be the name of a part of an artifact")


def _open(path: Path) -> int | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        if is_damage(error):
            return None
        raise
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptor > soft // 2 and soft != hard:  # each held artifact keeps one file open
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return descriptor


def _lock_shared(descriptor: int, path: Path) -> bool:
    """Lock an open manifest; False if it was moved away before the lock was there."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError as error:
        if is_damage(error):
            return False
        raise

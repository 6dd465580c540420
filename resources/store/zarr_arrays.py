"""Zarr arrays of artifacts: written with named axes, read with a check that no chunk is missing or cut short."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.core.buffer import default_buffer_prototype
from zarr.core.metadata.v3 import ArrayV3Metadata
from zarr.storage import LocalStore

from resources.store.manifest import CorruptArtifact, size


class ArtifactArrays(LocalStore):
    """The arrays of an artifact, read-only. Raises where Zarr would fill in zeros for a chunk that has vanished.

    files : path below data/ -> (sha256, bytes), from the manifest; hold : keeps `gc` away while any array is in use
    """

    def __init__(self, root: Path, *, files: Mapping[str, Any], hold: Any, read_only: bool = True):
        super().__init__(root, read_only=read_only)
        self.files, self.hold = files, hold

    def with_read_only(self, read_only: bool = False) -> "ArtifactArrays":
        return type(self)(self.root, files=self.files, hold=self.hold, read_only=read_only)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        self._check(key)
        return await super().get(key, prototype, byte_range)

    def get_sync(self, key: str, *, prototype: Any = None, byte_range: Any = None) -> Any:
        self._check(key)
        return super().get_sync(key, prototype=prototype, byte_range=byte_range)

    def _check(self, key: str) -> None:
        recorded = self.files.get(f"{self.root.name}/{key}")
        if recorded is not None and size(f"{self.root}/{key}") != recorded[1]:
            raise CorruptArtifact(f"{self.root / key} was damaged while it was in use: run again to rebuild it")


def write_array(
    group: zarr.Group,
    name: str,
    values: Any,
    *,
    dims: Sequence[str],
    attributes: Mapping[str, Any] | None,
    chunks: tuple[int, ...] | None,
    shards: tuple[int, ...] | None,
    scratch: Path,
) -> None:
    """Write one array. values : numpy array, zarr.Array, or an object with shape, dtype, chunks and blocks.

    A zarr.Array below `scratch` is renamed into place, unless other chunks are asked for.
    """
    own = _plain(attributes) if attributes is not None else None
    if isinstance(values, zarr.Array):
        own = own if own is not None else dict(values.attrs)
        if _movable(values, chunks, shards, scratch):
            _move(values, group, name, dims, own)
            return
        chunks = chunks or (values.chunks if shards is None else None)
        shards = shards or (values.shards if chunks == values.chunks else None)
        target = _create(group, name, values.shape, values.dtype, chunks, shards, dims, own)
        for region in _regions(target):
            target[region] = values[region]
    elif hasattr(values, "blocks"):
        target = _create(group, name, values.shape, values.dtype, chunks or values.chunks, shards, dims, own)
        _write_blocks(target, values.blocks, name)
    else:
        values = np.asarray(values)
        target = _create(group, name, values.shape, values.dtype, chunks, shards, dims, own)
        if values.size:
            target[...] = values


def _create(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: Any,
    chunks: tuple[int, ...] | None,
    shards: tuple[int, ...] | None,
    dims: Sequence[str],
    attributes: Mapping[str, Any] | None,
) -> zarr.Array:
    if chunks is None and math.prod(shape) == 0:
        chunks = tuple(max(1, n) for n in shape)
    return group.create_array(
        name,
        shape=tuple(int(n) for n in shape),
        dtype=dtype,
        chunks="auto" if chunks is None else tuple(int(n) for n in chunks),
        shards=shards,
        dimension_names=tuple(dims),
        attributes=dict(attributes or {}),
    )


def _regions(array: zarr.Array) -> Iterable[tuple[slice, ...]]:
    """Slices that cover an array, each of one chunk, or one shard where there are shards."""
    steps = array.shards or array.chunks
    axes = [range(0, length, step) for length, step in zip(array.shape, steps, strict=True)]
    for starts in itertools.product(*axes):
        yield tuple(
            slice(start, min(start + step, length))
            for start, step, length in zip(starts, steps, array.shape, strict=True)
        )


def _write_blocks(target: zarr.Array, blocks: Iterable[tuple[tuple[slice, ...], np.ndarray]], name: str) -> None:
    written = 0
    for region, block in blocks:
        expected = tuple(len(range(*part.indices(n))) for part, n in zip(region, target.shape, strict=True))
        if block.shape != expected:
            raise ValueError(f"{name}: a block of shape {block.shape} is given for a region of shape {expected}")
        if not np.can_cast(block.dtype, target.dtype, "same_kind"):
            raise ValueError(f"{name}: a block of {block.dtype} does not fit an array of {target.dtype}")
        target[region] = block
        written += block.size
    if written != math.prod(target.shape):
        raise ValueError(f"{name}: the blocks hold {written:,} values, the array {math.prod(target.shape):,}")


def _movable(values: zarr.Array, chunks: Any, shards: Any, scratch: Path) -> bool:
    if not isinstance(values.store, LocalStore) or not isinstance(values.metadata, ArrayV3Metadata):
        return False
    if chunks is not None and tuple(chunks) != values.chunks:
        return False
    if shards is not None and tuple(shards) != values.shards:
        return False
    return _location(values).resolve().is_relative_to(scratch.resolve())


def _move(values: zarr.Array, group: zarr.Group, name: str, dims: Sequence[str], attributes: Mapping) -> None:
    parent, _, leaf = name.rpartition("/")
    if parent:
        group = group.require_group(parent)
    source, target = _location(values), Path(group.store.root, group.path, leaf)
    metadata = dataclasses.replace(values.metadata, dimension_names=tuple(dims), attributes=dict(attributes))
    source.rename(target)
    for key, buffer in metadata.to_buffer_dict(default_buffer_prototype()).items():
        (target / key).write_bytes(buffer.to_bytes())
    # Whoever still has the array at hand reads it where it is now; without this, Zarr would show it zeros.
    source.symlink_to(target, target_is_directory=True)


def _location(values: zarr.Array) -> Path:
    return Path(values.store.root, values.path)


def _plain(value: Any) -> Any:
    """Attributes as JSON holds them: sorted keys, lists, plain numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value

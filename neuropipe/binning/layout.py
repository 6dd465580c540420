"""How a binned tensor is cut into the chunks and shards of a Zarr array."""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

# The layout depends on the session alone, never on the memory at hand: the same session gives the same bytes.
CHUNK_BYTES = 1 << 20
SHARD_BYTES = 16 << 20
COMPRESSION_LEVEL = 3


@dataclass(frozen=True)
class Layout:
    """How the tensor is cut: chunk_trials and shard_trials trials x all bins x all units."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    chunk_trials: int
    shard_trials: int

    @classmethod
    def of(cls, n_trials: int, n_bins: int, n_units: int, dtype: np.dtype) -> "Layout":
        shape = (n_trials, n_bins, n_units)
        trial_bytes = max(1, n_bins * n_units * dtype.itemsize)
        chunk = min(max(1, CHUNK_BYTES // trial_bytes), max(1, n_trials))
        chunks_in_shard = min(max(1, SHARD_BYTES // (chunk * trial_bytes)), max(1, ceil(n_trials / chunk)))
        return cls(shape, dtype, chunk, chunk * chunks_in_shard)

    @property
    def shard_bytes(self) -> int:
        return self.shard_trials * self.shape[1] * self.shape[2] * self.dtype.itemsize

    @property
    def n_bytes(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2] * self.dtype.itemsize

    def create(self, group: Any, name: str) -> Any:
        from zarr.codecs import ZstdCodec

        tail = tuple(max(1, length) for length in self.shape[1:])
        return group.create_array(
            name,
            shape=self.shape,
            dtype=self.dtype,
            chunks=(self.chunk_trials, *tail),
            shards=(self.shard_trials, *tail),
            compressors=ZstdCodec(level=COMPRESSION_LEVEL),
            dimension_names=("trial", "bin", "unit"),
            # Silent trials are written as well: what is missing from the store is lost, not zero.
            config={"write_empty_chunks": True},
        )

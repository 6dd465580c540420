"""An artifact as it is read, and as it is written: Zarr arrays, Parquet tables, JSON, files; figures beside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput

MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class Artifact:
    """A handle on one committed directory; opens nothing until asked."""

    path: Path
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "Artifact | None":
        """The artifact in a directory, or None where there is none, or none whose manifest can be read."""
        try:
            return cls(path, json.loads((path / MANIFEST).read_bytes()))
        except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            return None

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
    def variant(self) -> str:
        """Empty for the default configuration, else the overrides that made it, e.g. `binned.bin_width=0.1`."""
        return self.manifest["variant"]

    @cached_property
    def arrays(self):
        """The Zarr group of the artifact's arrays, read-only."""
        import zarr

        return zarr.open_group(self.path / "data" / "arrays.zarr", mode="r")

    def table(self, name: str):
        """A table as a pandas DataFrame."""
        import pandas as pd

        return pd.read_parquet(self.path / "data" / f"{name}.parquet")

    def json(self, name: str) -> Any:
        return json.loads((self.path / "data" / f"{name}.json").read_bytes())

    def has(self, name: str) -> bool:
        """Whether a file or table of this name is in the artifact's data."""
        return any((self.path / "data" / f"{name}{ending}").exists() for ending in ("", ".parquet", ".json"))

    def folder(self, name: str) -> Path:
        return self.path / "data" / name

    def figures(self) -> list[Path]:
        return sorted((self.path / "extras").glob("*.png"))


class Draft:
    """An artifact being written: what a stage fills, and the store then commits whole or not at all."""

    def __init__(self, path: Path):
        self.path = path
        self.metadata: dict[str, Any] = {}
        self.checks: dict[str, dict[str, Any]] = {}
        self.data = path / "data"
        self.extras = path / "extras"
        # The folders are there already where a child process fills a draft of its parent's.
        self.data.mkdir(exist_ok=True)
        self.extras.mkdir(exist_ok=True)

    @cached_property
    def arrays(self):
        """A Zarr v3 group to create arrays in (Zarr's default compressor is zstd)."""
        import zarr

        return zarr.open_group(self.data / "arrays.zarr", mode="w", zarr_format=3)

    def array(self, name: str, values, **options: Any) -> None:
        """Write one whole array; `options` go to zarr's create_array (chunks, shards, attributes)."""
        if values.size == 0:
            options.setdefault("chunks", tuple(max(1, n) for n in values.shape))
        self.arrays.create_array(name, data=values, **options)

    def table(self, name: str, frame) -> None:
        frame.to_parquet(self.data / f"{name}.parquet", index=False)

    def json(self, name: str, value: Any) -> None:
        (self.data / f"{name}.json").write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")

    def folder(self, name: str) -> Path:
        """A folder in data/ for files of a model's own format."""
        path = self.data / name
        path.mkdir(parents=True)
        return path

    def figure(self, name: str, figure) -> None:
        from neuropipe import plots as figures

        figures.save(figure, self.extras / f"{name}.png")

    def check(self, name: str, passed: bool, *, warn: bool = False, description: str = "", **metadata: Any) -> None:
        """Record the outcome of a check; one that fails and is no warning keeps the artifact from being committed."""
        self.checks[name] = {"passed": bool(passed), "warn": warn, "description": description, "metadata": metadata}
        if not passed and not warn:
            raise BadInput(f"check {name} failed: {description or 'see its metadata'} {metadata or ''}".rstrip())

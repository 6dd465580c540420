"""Where everything lies: catalogue, raw files, artifacts, mirror. Tests and clusters pass another."""

import hashlib
import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from neuropipe.catalog import Catalog, check_plugins
from resources.fetch.downloads import RawFiles
from resources.fetch.sources import Sources
from resources.run.compute import LocalCompute, compute_from_environment
from resources.store.store import ArtifactStore

CLONE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Workspace:
    """Folders of one installation. mirror : folder or http(s) base that stands in for the internet, or None;
    compute : where isolated stages run."""

    catalog_root: Path
    store_root: Path
    raw_root: Path
    mirror: str | None = None
    compute: LocalCompute = field(default_factory=LocalCompute)

    @classmethod
    def from_environment(cls) -> "Workspace":
        """The clone's own data/ folder, unless NEUROPIPE_{CATALOG,STORE,RAW,MIRROR,COMPUTE,MEMORY} say otherwise."""

        def folder(variable: str, default: Path) -> Path:
            return Path(os.environ.get(variable) or default).absolute()

        return cls(
            catalog_root=folder("NEUROPIPE_CATALOG", CLONE / "data" / "catalog"),
            store_root=folder("NEUROPIPE_STORE", CLONE / "data" / "artifacts"),
            raw_root=folder("NEUROPIPE_RAW", CLONE / "data" / "raw"),
            mirror=os.environ.get("NEUROPIPE_MIRROR") or None,
            compute=compute_from_environment(),
        )

    @property
    def catalog(self) -> Catalog:
        """The catalogue as it is on disk now: it is read again when one of its files has changed."""
        stamp = Catalog.stamp(self.catalog_root)
        if self._read.get("stamp") != stamp:
            catalog = Catalog.load(self.catalog_root)
            check_plugins(catalog)
            self._read.update(stamp=stamp, catalog=catalog)
        return self._read["catalog"]

    @cached_property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.store_root, user=self._user)

    @property
    def sources(self) -> Sources:
        return Sources(self.catalog_root, self.raw, lambda: self.catalog)

    @property
    def _user(self) -> str:
        """Name of this installation among all that share the store."""
        return hashlib.sha256(f"{socket.gethostname()}\n{CLONE}\n{self.catalog_root}".encode()).hexdigest()[:32]

    @cached_property
    def raw(self) -> RawFiles:
        """The folder of downloaded files."""
        return RawFiles(self.raw_root, self.mirror)

    @cached_property
    def _read(self) -> dict[str, Any]:
        return {}

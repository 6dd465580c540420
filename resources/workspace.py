"""Where everything lies: catalogue, raw files, artifacts, mirror. Tests and clusters pass another."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from neuropipe.catalog import Catalog
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

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog.load(self.catalog_root)

    @cached_property
    def store(self) -> ArtifactStore:
        return ArtifactStore(self.store_root)

    @cached_property
    def sources(self) -> Sources:
        return Sources(self.catalog, RawFiles(self.raw_root, self.mirror))

"""DeconvolutionNetworks: networks trained on recordings with true spikes, a folder per group that was left out."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from neuropipe.schemas.base import Schema, document

FOLDER = "networks"


@dataclass(frozen=True, kw_only=True)
class DeconvolutionNetworks(Schema):
    """groups : name of a left-out group -> data versions of its recordings; folder : <group>/<rate>hz/network-*;

    files : what is to be written, path below the folder -> file; curves : loss against step, of every network
    """

    groups: Mapping[str, tuple[str, ...]] = document()
    folder: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    curves: pd.DataFrame | None = None

    @classmethod
    def read(cls, artifact: Any) -> Self:
        return cls(groups=artifact.json("groups"), folder=artifact.folder(FOLDER), facts=dict(artifact.metadata))

    def write(self, draft: Any) -> None:
        super().write(draft)
        folder = draft.folder(FOLDER)
        for place, file in self.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / place)

    def write_extras(self, folder: Path) -> None:
        if self.curves is not None:
            self.curves.to_parquet(folder / "learning_curves.parquet", index=False)

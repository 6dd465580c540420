"""Predictions: what a decoder said of samples that it had not seen, and the decoder refitted on everything."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

from neuropipe.schemas.base import Schema, document, table

MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class Predictions(Schema):
    """predictions : a row per scheme, fold and test sample; its other columns are the task's.

    classes : as people wrote them, of classification; targets : {names, circular}, of regression
    model : folder of the decoder refitted on all samples; to be written, the decoder itself
    curves : loss of every epoch of every fit, of networks
    """

    predictions: pd.DataFrame = table("prediction", "scheme", "fold", "sample")
    classes: list[str] | None = document(optional=True)
    targets: Mapping[str, Any] | None = document(optional=True)
    model: Any = None
    curves: pd.DataFrame | None = None

    @classmethod
    def read(cls, artifact: Any) -> Self:
        found = super().read(artifact)
        every = {name: getattr(found, name) for name in cls.specs()}
        return cls(**every, model=artifact.folder(MODEL), facts=found.facts)

    def write(self, draft: Any) -> None:
        super().write(draft)
        self.model.save(draft.folder(MODEL))

    def write_extras(self, folder: Path) -> None:
        if self.curves is not None:
            self.curves.to_parquet(folder / "learning_curves.parquet", index=False)

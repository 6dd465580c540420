"""Results over many conditions or sessions: sweeps, the leaderboard, the report."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuropipe.schemas.base import Schema, document, table


@dataclass(frozen=True, kw_only=True)
class Sweep(Schema):
    """sweep : a row per fit; summary : a row per condition; shown : what the axes of its plot are called."""

    sweep: pd.DataFrame = table("fit")
    summary: pd.DataFrame = table("condition")
    shown: Any = document()


@dataclass(frozen=True, kw_only=True)
class Leaderboard(Schema):
    """leaderboard : a row per session, scheme, model and variant, ranked; across : models compared over sessions."""

    leaderboard: pd.DataFrame = table("row", "session", "scheme", "rank", "model", "family", "state")
    across: pd.DataFrame | None = table("comparison", optional=True)


@dataclass(frozen=True, kw_only=True)
class Report(Schema):
    """page : one HTML text."""

    page: str = ""

    @classmethod
    def read(cls, artifact: Any) -> "Report":
        return cls(page=(artifact.folder("report.html")).read_text(encoding="utf-8"), facts=dict(artifact.metadata))

    def write(self, draft: Any) -> None:
        (draft.data / "report.html").write_text(self.page, encoding="utf-8")

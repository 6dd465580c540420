"""Scores: what predictions are worth, with intervals, chance and baselines beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from neuropipe.schemas.base import Schema, document, table


@dataclass(frozen=True, kw_only=True)
class Scores(Schema):
    """scores : a row per scheme and metric; ranking : {family, primary}, by which score models are ranked

    details : what plots need beyond the table, such as confusion matrices
    """

    scores: pd.DataFrame = table("score", "scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n")
    ranking: Mapping[str, str] = document()
    details: Mapping[str, Any] | None = document(optional=True)

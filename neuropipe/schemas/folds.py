"""Folds: how the samples of a session are split, as data that all its models share."""

from dataclasses import dataclass

import pandas as pd

from neuropipe.schemas.base import Schema, table


@dataclass(frozen=True, kw_only=True)
class Folds(Schema):
    """folds : a row per scheme, fold and sample, with its role: train, test or gap."""

    folds: pd.DataFrame = table("row", "scheme", "fold", "sample", "role")

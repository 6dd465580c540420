"""CommunicationSubspace: through how many dimensions one area predicts another."""

from dataclasses import dataclass

import pandas as pd

from neuropipe.schemas.base import Schema, table


@dataclass(frozen=True, kw_only=True)
class CommunicationSubspace(Schema):
    """subspace : a row per ordered pair of areas, see neuropipe.connectivity.communication_subspace."""

    subspace: pd.DataFrame = table("pair", "source_area", "target_area", "rank", "r2", "r2_low", "r2_high", "r2_full")

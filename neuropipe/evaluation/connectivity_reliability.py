"""Scores of estimated connectivity where no true connection is known: how well it can be reproduced."""

import numpy as np
import pandas as pd

from neuropipe.evaluation.connectivity import COLUMNS

SCHEME = "no truth"
# Measure of the reliability table -> metric of the score family; `split_half` has its null beside it as a baseline.
MEASURES = {
    "split_half_over_null": "split_half_over_null",
    "split_half": "split_half",
    "null_split_half": "split_half_null",
    "split_half_signed": "split_half_signed",
    "null_split_half_signed": "split_half_signed_null",
    "above_null": "above_null",
    "bin_width_half": "bin_width_half",
    "bin_width_double": "bin_width_double",
    "co_prediction_gain": "co_prediction_gain",
}


def reliability_scores(reliability: pd.DataFrame) -> pd.DataFrame:
    """The measures of a reliability table that are known, as a row per metric with the columns of all scores.

    reliability : measure, value, ci_low, ci_high, n. Nothing here has a p-value: agreement of two halves is no evidence
    of a connection, since common drive is reproduced as well.
    """
    known = reliability[reliability["measure"].isin(MEASURES) & np.isfinite(reliability["value"])]
    rows = [
        (SCHEME, MEASURES[row.measure], row.value, row.ci_low, row.ci_high, np.nan, int(row.n))
        for row in known.itertuples()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))

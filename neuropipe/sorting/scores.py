"""What a sorting is worth against the truth: scores over units, with intervals by bootstrap over them."""

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from neuropipe.sorting.comparison import match_units, scores_of_units

WELL_FOUND, FALSE = 0.8, 0.5
SCHEME = "all spikes"


def sorting_scores(
    truth: SpikeTrains, found: SpikeTrains, *, n_resamples: int = 2000, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of scores (scheme, metric, value, ci_low, ci_high, p_value, n), and a row per true unit.

    Units that fire no spike in the recording are left out. Intervals are percentiles of resamples of the units.
    """
    units = scores_of_units(truth, found)
    units = units[units["n_true"] > 0].reset_index(drop=True)
    if len(units) == 0:
        raise BadInput("no true unit fires in the recording, so there is nothing to score")
    agreement = match_units(found, truth).agreement
    is_false = (agreement.max(axis=1, initial=0.0) < FALSE).astype(float)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(units), (n_resamples, len(units)))
    of_found = rng.integers(0, max(1, len(is_false)), (n_resamples, len(is_false)))
    accuracy, recall, precision = (units[name].to_numpy() for name in ("accuracy", "recall", "precision"))
    well = (accuracy >= WELL_FOUND).astype(float)
    rows = [
        ("median_accuracy", np.median, accuracy, draws),
        ("well_found", np.mean, well, draws),
        ("mean_accuracy", np.mean, accuracy, draws),
        ("recall", np.median, recall, draws),
        ("precision", np.median, precision, draws),
        ("false_units", np.mean, is_false, of_found),
    ]
    table = []
    for metric, over, values, resamples in rows:
        low, high = np.percentile(over(values[resamples], axis=1), [2.5, 97.5])
        table.append((SCHEME, metric, float(over(values)), float(low), float(high), np.nan, len(values)))
    return pd.DataFrame(table, columns=["scheme", "metric", "value", "ci_low", "ci_high", "p_value", "n"]), units

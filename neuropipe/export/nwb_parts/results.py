"""Results: what decoders predicted of samples that they had not seen, and connectivity."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.content import Made, SessionContent
from neuropipe.export.nwb_parts.columns import module, table
from neuropipe.schemas import Connectivity, TrialBins

OF_PREDICTIONS = {
    "decoder": "name of the decoder",
    "seed": "seed of the decoder; -1 where it draws nothing at random",
    "scheme": "how samples were split into folds",
    "fold": "fold in which the sample was held out",
    "sample": "row of the sample among those that were decoded",
    "trial": "row of the trial in the table `trials`",
    "start": "first moment of the sample's window, s, on the recording's own clock",
    "stop": "last moment of the sample's window, s, on the recording's own clock",
    "y_true": "label of the sample",
    "y_pred": "label that the decoder predicted",
}
OF_PAIRS = {
    "source": "row of the unit that influences, in the table of units",
    "target": "row of the unit that is influenced, in the table of units",
    "weight": "estimated influence; its sign says excitation or inhibition where the method is signed",
    "p_value": "probability of such a weight if there were no influence; NaN where there is none",
    "delay": "s from source to target; NaN where it is not known",
}


def add_predictions(file: Any, session: SessionContent) -> None:
    """A table per decoder in the module `decoding`: a row per scheme, fold and held-out sample."""
    binned = session.assets.get("binned")
    for name, made in session.group("decoder").items():
        frame = prediction_table(name, made, binned.content if binned is not None else None)
        described = OF_PREDICTIONS | {
            column: f"probability of the class {column.removeprefix('p_')}" for column in frame if column[:2] == "p_"
        }
        described |= {column: f"true {column[7:]}" for column in frame if column.startswith("y_true_")}
        described |= {column: f"predicted {column[7:]}" for column in frame if column.startswith("y_pred_")}
        text = f"Out-of-fold predictions of {name}. Its settings: {json.dumps(dict(made.config), sort_keys=True)}"
        module(file, "decoding", "What decoders predicted of samples that they had not seen.").add(
            table(name, text, frame, described)
        )


def prediction_table(name: str, made: Made, binned: Any = None) -> pd.DataFrame:
    """The predictions of a decoder, with its name, its seed and the trial or window of each sample."""
    frame = made.content.predictions.reset_index(drop=True)
    first: dict[str, Any] = {"decoder": name, "seed": _seed(made.config)}
    samples = frame["sample"].to_numpy()
    if isinstance(binned, TrialBins):
        first["trial"] = binned.trials["trial"].to_numpy()[samples]
    elif binned is not None:
        first |= {column: binned.samples[column].to_numpy()[samples] for column in ("start", "stop")}
    return pd.concat([pd.DataFrame(first, index=frame.index), frame], axis=1)


def _seed(config: Mapping[str, Any]) -> int:
    seed = config.get("seed")
    return seed if isinstance(seed, int) else -1


def add_connectivity(file: Any, session: SessionContent) -> None:
    """A table per method in the module `connectivity`: a row per pair that has a weight, a p-value or a delay."""
    for name, made in session.group("connectivity").items():
        found: Connectivity = made.content
        facts: dict[str, Any] = {"directed": found.directed, "signed": found.signed, "calibrated": found.calibrated}
        facts["parameters"] = dict(found.parameters or {})
        text = f"Connectivity by {found.method or name}. {json.dumps(facts, sort_keys=True)}"
        held = table(name, text, pair_table(found), OF_PAIRS)
        module(file, "connectivity", "Estimated influence of units on each other.").add(held)


def pair_table(connectivity: Connectivity) -> pd.DataFrame:
    """source, target, weight, p_value, delay (s) of all ordered pairs that have one of these, row by row.

    p_value and delay are left out where the method gives none.
    """
    weights = connectivity.weights[:]
    nothing = np.full(weights.shape, np.nan)
    p_values = nothing if connectivity.p_values is None else connectivity.p_values[:]
    delays = nothing if connectivity.delays is None else connectivity.delays[:]
    source, target = np.nonzero((weights != 0) | np.isfinite(p_values) | np.isfinite(delays))
    found = {"weight": weights, "p_value": p_values, "delay": delays}
    kept = {name: values[source, target] for name, values in found.items()}
    known = {name: values for name, values in kept.items() if name == "weight" or np.isfinite(values).any()}
    return pd.DataFrame({"source": source, "target": target, **known})

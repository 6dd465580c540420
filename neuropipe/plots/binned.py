"""Pictures of binned activity and of what was decoded from it, drawn from the artifacts themselves."""

from typing import Any

import numpy as np

from neuropipe import plots
from neuropipe.plots import continuous
from neuropipe.schemas.binned import TimeBins, TrialBins
from neuropipe.schemas.predictions import Predictions

LARGEST_DRAWN = 200_000_000


def trial_bins(binned: TrialBins) -> dict[str, Any]:
    """The map of units and the response of the most selective one, by class."""
    activity = binned.activity
    stride = max(1, int(np.prod(activity.shape)) // LARGEST_DRAWN)
    names = np.array(binned.classes)
    figure = plots.raster_and_psth(
        activity[:] if stride == 1 else activity[::stride],
        names[binned.labels[:]][::stride],
        list(binned.classes),
        binned.bin_width,
        binned.window[0],
        event=binned.align,
        unit=binned.quantity or ("Hz" if activity.dtype.kind == "u" else "events / s"),
        summed=binned.quantity is None,
        label=binned.label,
    )
    return {"raster_and_psth": figure}


def time_bins(binned: TimeBins) -> dict[str, Any]:
    """Activity above, behaviour below, over a stretch of time."""
    figure = continuous.activity_and_behaviour(
        binned.activity[:], binned.targets[:], list(binned.names), binned.bin_width
    )
    return {"activity_and_behaviour": figure}


def no_plots(predictions: Predictions, binned: Any) -> dict[str, Any]:
    """Nothing: what decoders of trials do is seen in their scores."""
    return {}


def decoded_and_true(predictions: Predictions, binned: TimeBins) -> dict[str, Any]:
    """Behaviour and what was decoded of it, under the first scheme."""
    assert predictions.targets is not None
    every, names = predictions.predictions, predictions.targets["names"]
    first = every[every["scheme"] == every["scheme"].iloc[0]].sort_values("sample")
    true, decoded = (first[[f"{column}_{name}" for name in names]].to_numpy() for column in ("y_true", "y_pred"))
    return {"decoded_and_true": continuous.decoded_and_true(true, decoded, names, binned.bin_width)}

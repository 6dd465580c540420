"""Can a connectivity matrix be believed where the true wiring is unknown? The method is refitted to parts of the
recording, to other bins and to activity without interactions, and what it finds is compared."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from neuropipe.connectivity.base import ConnectivityMethod
from neuropipe.connectivity.data import ConnectivityData
from neuropipe.connectivity.halves import N_BLOCKS, interleaved_halves
from neuropipe.connectivity.held_out import co_prediction
from neuropipe.connectivity.pairs import (
    UNKNOWN,
    Estimated,
    correlation,
    mean_over_units,
    pairs_of,
    rank_correlation,
    rank_correlation_difference,
    share,
)
from neuropipe.connectivity.uncoupled import JITTER, uncoupled
from neuropipe.errors import BadInput

COLUMNS = ["measure", "value", "ci_low", "ci_high", "n"]
PARTS = ("split_half", "null", "bin_width", "held_out")

Make = Callable[[], ConnectivityMethod]


def reliability(
    make: Make,
    data: ConnectivityData,
    *,
    seed: int,
    parts: tuple[str, ...] = PARTS,
    n_blocks: int = N_BLOCKS,
    jitter: float = JITTER,
) -> pd.DataFrame:
    """How far a method's result can be reproduced: a table (measure, value, ci_low, ci_high, n), at most 8 fits.

    make : gives a fresh method; parts : what to compute, of

    split_half   "split_half": Spearman's correlation of |weights| between interleaved halves (every second tenth of the
                 time; of trials, of the trials). "split_half_full": the same by Spearman and Brown for all of the
                 recording, 2 r / (1 + r). "split_half_signed": Pearson's correlation of the weights.
    null         the same method fitted to the activity without fast interactions (see `uncoupled`).
                 "null_split_half", "null_split_half_signed": split_half there; where they are as large, what is
                 reproduced is no fast interaction. "split_half_over_null": split_half less null_split_half; rank
                 methods by this one.
                 "above_null": share of pairs whose |weight| is above the 95 % quantile of the null's; .05 by chance.
    bin_width    "bin_width_half", "bin_width_double": Spearman's correlation of |weights| with those at half and at
                 double the bin width; only methods with a parameter `bin_width`, and widths that can be made of
                 the bins that counts come in.
    held_out     "co_prediction": bits per spike, over the rate, by which the strongest sources according to one half
                 predict a unit in the other half; "co_prediction_random": random sources; "co_prediction_gain": the
                 difference (see `held_out`).

    Intervals are 95 %, by bootstrap over units. n : ordered pairs, or target units of co-prediction. A half in which
    all pairs have the same weight ranks none, and its correlation is 0 without interval. A value is NaN where a part of
    the recording can't bear the method. Raises BadInput where the whole recording can't.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise BadInput(f"reliability has no part {', '.join(unknown)}; choose of {', '.join(PARTS)}")
    whole = make().fit(data)
    rows: dict[str, Estimated] = {}
    if "split_half" in parts or "held_out" in parts:
        halves = interleaved_halves(data, n_blocks)
        of_halves = [_fitted(make(), half) for half in halves]
        if "split_half" in parts:
            rows |= _split_half(*of_halves, seed=seed)
        if "held_out" in parts:
            held_out = _held_out(of_halves[0], *halves, seed=seed)
    if "null" in parts:
        null = uncoupled(data, seed=seed, jitter=jitter)
        fits = [_fitted(make(), half) for half in interleaved_halves(null, n_blocks)]
        of_null = _split_half(*fits, seed=seed)
        rows |= {f"null_{name}": of_null[name] for name in ("split_half", "split_half_signed")}
        if "split_half" in parts:
            rows["split_half_over_null"] = _over_null(fits, of_halves, seed=seed)
        rows["above_null"] = _above_null(whole, _fitted(make(), null), seed=seed)
    if "bin_width" in parts:
        rows |= _bin_widths(make, whole, data, seed=seed)
    if "held_out" in parts:
        rows |= held_out
    return pd.DataFrame([(measure, *row) for measure, row in rows.items()], columns=COLUMNS)


def limits(data: ConnectivityData) -> str:
    """One sentence on what connectivity from this activity can mean, by its resolution in time."""
    if data.spikes is not None:
        return (
            f"Spike times over {data.duration:.0f} s: lags of milliseconds can be seen, so the direction of a "
            "connection, too; input from units that were not recorded can't be told from a connection."
        )
    assert data.bin_width is not None
    if data.bin_width > 0.004:
        return (
            f"Activity in bins of {1e3 * data.bin_width:g} ms over {data.duration:.0f} s: synaptic delays of 1 to 5 ms "
            "fall into one bin, so the direction of a connection can't be seen and a weight says that two units vary "
            "together, beyond what the method models."
        )
    return (
        f"Activity in bins of {1e3 * data.bin_width:g} ms over {data.duration:.0f} s: lags of a few milliseconds can "
        "be seen in steps of a bin; input from units that were not recorded can't be told from a connection."
    )


def spearman_brown(value: float) -> float:
    """Reliability of the whole from the correlation of its halves, 2 r / (1 + r)."""
    return 2 * value / (1 + value) if value > -1 else np.nan


def _fitted(method: ConnectivityMethod, data: ConnectivityData) -> ConnectivityMethod | None:
    """None where the data can't bear the method."""
    try:
        return method.fit(data)
    except BadInput:
        return None


def _estimated(method: ConnectivityMethod) -> np.ndarray:
    """(unit,) bool"""
    kept = np.ones(len(method.weights_), bool)
    kept[list(method.left_out_)] = False
    return kept


def _common_pairs(first: ConnectivityMethod, second: ConnectivityMethod) -> np.ndarray:
    return pairs_of(_estimated(first) & _estimated(second))


def _split_half(
    first: ConnectivityMethod | None, second: ConnectivityMethod | None, *, seed: int
) -> dict[str, Estimated]:
    if first is None or second is None:
        return dict.fromkeys(("split_half", "split_half_full", "split_half_signed"), UNKNOWN)
    pairs = _common_pairs(first, second)
    size = _or_none(rank_correlation(np.abs(first.weights_), np.abs(second.weights_), pairs, seed=seed))
    full = Estimated(spearman_brown(size.value), spearman_brown(size.ci_low), spearman_brown(size.ci_high), size.n)
    signed = _or_none(correlation(first.weights_, second.weights_, pairs, seed=seed))
    return {"split_half": size, "split_half_full": full, "split_half_signed": signed}


def _or_none(found: Estimated) -> Estimated:
    """0 where one of the matrices tells no pairs apart, as when a sparse method finds nothing."""
    return found._replace(value=0.0) if found.n >= 3 and np.isnan(found.value) else found


def _over_null(
    of_null: list[ConnectivityMethod | None], of_halves: list[ConnectivityMethod | None], *, seed: int
) -> Estimated:
    own, null = [[fit for fit in fits if fit is not None] for fits in (of_halves, of_null)]
    if len(own) + len(null) < 4:
        return UNKNOWN
    pairs = pairs_of(np.logical_and.reduce([_estimated(fit) for fit in (*own, *null)]))
    sizes, of_sizes = ([np.abs(fit.weights_) for fit in fits] for fits in (own, null))
    return rank_correlation_difference((sizes[0], sizes[1]), (of_sizes[0], of_sizes[1]), pairs, seed=seed)


def _above_null(whole: ConnectivityMethod, null: ConnectivityMethod | None, *, seed: int) -> Estimated:
    """The interval leaves out that the quantile is itself estimated."""
    if null is None:
        return UNKNOWN
    pairs = _common_pairs(whole, null)
    if not pairs.any():
        return UNKNOWN
    threshold = np.quantile(np.abs(null.weights_[pairs]), 0.95)
    return share(np.abs(whole.weights_) > threshold, pairs, seed=seed)


def _bin_widths(make: Make, whole: ConnectivityMethod, data: ConnectivityData, *, seed: int) -> dict[str, Estimated]:
    rows: dict[str, Estimated] = {}
    width = make().get_params().get("bin_width")
    if width is None:
        return rows
    step = data.bin_width
    if step is not None:  # methods read counts in the nearest multiple of their bins
        width = max(1, round(width / step)) * step
    for name, factor in (("bin_width_half", 0.5), ("bin_width_double", 2.0)):
        if step is not None and round(2 * factor * width / step) % 2:
            continue
        other = _fitted(make().set_params(bin_width=factor * width), data)
        if other is None:
            rows[name] = UNKNOWN
        else:
            sizes = np.abs(whole.weights_), np.abs(other.weights_)
            rows[name] = rank_correlation(*sizes, _common_pairs(whole, other), seed=seed)
    return rows


def _held_out(
    fitted: ConnectivityMethod | None, training: ConnectivityData, test: ConnectivityData, *, seed: int
) -> dict[str, Estimated]:
    names = ("co_prediction", "co_prediction_random", "co_prediction_gain")
    if fitted is None:
        return dict.fromkeys(names, UNKNOWN)
    table = co_prediction(fitted.weights_, _estimated(fitted), training, test, seed=seed)
    inferred, random = table["inferred"].to_numpy(), table["random"].to_numpy()
    return dict(zip(names, map(mean_over_units, (inferred, random, inferred - random)), strict=True))

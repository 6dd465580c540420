"""Binned activity as an xarray Dataset, and as Zarr v3 on disk (`xarray.open_zarr` reads it)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.export.content import SessionContent
from neuropipe.export.needs import need
from neuropipe.export.values import plain
from neuropipe.registry import exporter
from neuropipe.schemas import TimeBins, TrialBins

if TYPE_CHECKING:
    import xarray


@exporter("xarray", suffix=".zarr", assets=("binned",), folder=True, marker="zarr.json")
def write(session: SessionContent, path: Path) -> None:
    """Zarr v3: activity with its axes, the unit table and the trial table as coordinates."""
    import warnings

    trials = session.assets["recording"].content.trials if "recording" in session.assets else None
    data = to_xarray(session.one(), units=session.units_of(session.source), trials=trials)
    data.attrs |= {"session": session.key, "title": session.title, "citation": session.citation}
    data.attrs |= {"licence": session.licence, "identifier": session.identifier}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Zarr.*(format 3|V3).*")  # texts: Zarr and xarray agree on them
        data.to_zarr(path, mode="w", zarr_format=3, consolidated=False)


def to_xarray(
    binned: TrialBins | TimeBins, *, units: pd.DataFrame | None = None, trials: pd.DataFrame | None = None
) -> "xarray.Dataset":
    """Binned activity as a Dataset, in memory.

    binned : of trials gives `activity` (trial, time, unit) and `labels` (trial,); of a continuous session `activity`
    (time, unit) and `targets` (time, target). `time` is the middle of each bin, s: relative to the event that trials
    are aligned to, or on the recording's clock
    units : the recording's unit table, whose columns become coordinates `unit_<column>`; rows that were not binned
    are left out
    trials : the recording's trial table, whose columns become coordinates `trial_<column>`
    Raises BadInput for tables of another length.
    """
    xarray = need("xarray", "Datasets")
    if isinstance(binned, TrialBins):
        variables, coordinates = _of_trials(binned, trials)
        facts: dict[str, Any] = {"align": binned.align, "label": binned.label, "classes": list(binned.classes)}
    else:
        variables, coordinates = _of_time(binned)
        facts = {"history": int(binned.history), "circular": int(binned.circular)}
        facts["segments"] = json.dumps(binned.segments[:].tolist())
    n_units = binned.activity.shape[-1]
    rows = np.arange(n_units) if binned.units is None else binned.units[:]
    coordinates["unit"] = ("unit", rows, {"long_name": "row of the unit table"})
    if units is not None:
        if len(rows) and rows.max() >= len(units):
            raise BadInput(f"the activity refers to unit {rows.max()}, and the unit table has {len(units)} rows")
        coordinates |= _columns("unit", units.iloc[rows])
    return xarray.Dataset(variables, coordinates, {"bin_width": float(binned.bin_width), **facts})


def _of_trials(binned: TrialBins, trials: pd.DataFrame | None) -> tuple[dict[str, Any], dict[str, Any]]:
    table = binned.trials
    rows = table["trial"].to_numpy()
    middles = binned.window[0] + (np.arange(binned.activity.shape[1]) + 0.5) * binned.bin_width
    variables = {"activity": (("trial", "time", "unit"), binned.activity[:]), "labels": ("trial", binned.labels[:])}
    coordinates = {"trial": ("trial", rows), "time": ("time", middles, {"units": "s"})}
    if trials is not None:
        if len(rows) and rows.max() >= len(trials):
            raise BadInput(f"the activity refers to trial {rows.max()}, and the trial table has {len(trials)} rows")
        coordinates |= _columns("trial", trials.iloc[rows])
    renamed = table.rename(columns={"start": "window_start", "stop": "window_stop"})
    return variables, coordinates | _columns("trial", renamed.drop(columns="trial"))


def _of_time(binned: TimeBins) -> tuple[dict[str, Any], dict[str, Any]]:
    activity = binned.activity[:]
    variables = {"activity": (("time", "unit"), activity), "targets": (("time", "target"), binned.targets[:])}
    coordinates = {
        "time": ("time", bin_middles(binned), {"units": "s"}),
        "target": ("target", np.array(binned.names, str)),
    }
    return variables, coordinates


def bin_middles(binned: TimeBins) -> np.ndarray:
    """(time,) s, the middle of each bin; NaN in segments of which no bin is a sample."""
    middles = np.full(binned.activity.shape[0], np.nan)
    bins, stops = binned.samples["bin"].to_numpy(), binned.samples["stop"].to_numpy()
    for first, last in binned.segments[:].tolist():
        inside = np.flatnonzero((bins >= first) & (bins < last))
        if len(inside):  # the window of a sample ends where its bin ends
            at = inside[0]
            middles[first:last] = stops[at] + (np.arange(first, last) - bins[at] - 0.5) * binned.bin_width
    return middles


def _columns(dim: str, table: pd.DataFrame) -> dict[str, Any]:
    return {f"{dim}_{name}": (dim, plain(table[name])) for name in table}

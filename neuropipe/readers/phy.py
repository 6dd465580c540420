"""Reads units that were sorted elsewhere: the folder that Kilosort writes and phy curates."""

import ast
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy
from neuropipe.readers.arrays import listed
from neuropipe.readers.folders import Folder, Found, with_trials
from neuropipe.readers.trials_csv import trials_of
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import reader

NEEDED = ("spike_times.npy", "spike_clusters.npy", "params.py")
LABELS = (("cluster_group.tsv", "group"), ("cluster_KSLabel.tsv", "KSLabel"))  # phy's own before Kilosort's
TABLES = ("cluster_info.tsv", *(name for name, _ in LABELS))


@reader("phy", folder="in_folder", folder_is="spike_times.npy, spike_clusters.npy and params.py")
def read(files: Mapping[str, Path], *, labels: tuple = ("good",), sampling_rate: float | None = None) -> Recording:
    """The units of a phy or Kilosort folder: spike_times.npy, spike_clusters.npy, params.py and tables of clusters.

    labels : groups of units to keep (good, mua, unsorted); empty keeps all but noise. sampling_rate : Hz, where
    params.py doesn't say it. `trials.csv` beside them holds the trials. params.py is read, never run.
    """
    needed = NEEDED if sampling_rate is None else NEEDED[:2]
    missing = [name for name in needed if name not in files]
    if missing:
        raise BadInput(f"a phy folder needs {listed(needed)}; there is no {listed(missing)} among {listed(files)}")
    rate = sampling_rate if sampling_rate is not None else _sampling_rate(files["params.py"])
    samples, clusters = (_column(files[name], name) for name in NEEDED[:2])
    if len(samples) != len(clusters):
        raise BadInput(f"{NEEDED[0]} holds {len(samples)} spikes and {NEEDED[1]} {len(clusters)}: one was cut short")
    if len(samples) == 0 or samples.min() < 0:
        raise BadInput(f"{NEEDED[0]} holds {'no spikes' if len(samples) == 0 else 'samples below 0'}; sort again")
    units = _units(files, np.unique(clusters), labels)
    order = np.lexsort((samples, clusters))
    samples, clusters = samples[order], clusters[order]
    first, last = (np.searchsorted(clusters, units["cluster_id"], side=side) for side in ("left", "right"))
    trains = [samples[low:high] / rate for low, high in zip(first, last, strict=True)]
    return Recording(units=units, trials=trials_of(files), spikes=SpikeTrains.from_list(trains))


def in_folder(folder: Folder, parameters: Mapping[str, Any]) -> list[Found]:
    """The folders of phy or Kilosort: those with times and clusters of spikes."""
    found = []
    for file in folder.named(NEEDED[0]):
        beside = folder.beside(file)
        if NEEDED[1] in beside:
            own = {name: beside[name] for name in (*NEEDED, *TABLES) if name in beside}
            found.append(Found(str(PurePosixPath(file).parent), with_trials(folder, file, own)))
    return found


def _sampling_rate(path: Path) -> float:
    """sample_rate of params.py, which is parsed as text."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"params.py can't be read ({error}); give `sampling_rate: ` in the parameters") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "sample_rate" for name in node.targets):
            try:
                rate = float(ast.literal_eval(node.value))
            except (ValueError, TypeError):
                break
            if 0 < rate < np.inf:
                return rate
    raise BadInput("params.py doesn't say its sample_rate; give `sampling_rate: `, Hz, in the parameters")


def _column(path: Path, name: str) -> np.ndarray:
    values = load_npy(path, name=name).squeeze()
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise BadInput(f"{name} holds {values.dtype} {values.shape}; expected a whole number per spike")
    return values.astype(np.int64)


def _units(files: Mapping[str, Path], clusters: np.ndarray, labels: tuple) -> pd.DataFrame:
    """A row per kept cluster that fires: cluster_id, group, and the columns of cluster_info.tsv."""
    table = pd.DataFrame({"cluster_id": clusters})
    if "cluster_info.tsv" in files:
        info = _tsv(files["cluster_info.tsv"], "cluster_info.tsv")
        table = table.merge(info.drop(columns=[name for name, _ in LABELS if name in info]), "left", "cluster_id")
    for name, column in LABELS:
        if name in files and "group" not in table:
            found = _tsv(files[name], name)
            if column not in found:
                raise BadInput(f"{name} has no column {column}; it has {listed(map(str, found))}")
            table = table.merge(found[["cluster_id", column]].rename(columns={column: "group"}), "left", "cluster_id")
    if "group" not in table:
        if labels and tuple(labels) != ("good",):
            raise BadInput(f"no table of clusters labels them, so none is {listed(labels)}; add cluster_group.tsv")
        return table
    table["group"] = table["group"].fillna("unsorted").astype(str)
    kept = table["group"].isin(labels) if labels else table["group"] != "noise"
    if not kept.any():
        found = ", ".join(f"{name} ({n})" for name, n in table["group"].value_counts().items())
        raise BadInput(f"no cluster is labelled {listed(labels)}; there are {found}: give other `labels: `")
    return table[kept].reset_index(drop=True)


def _tsv(path: Path, name: str) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep="\t")
    except (OSError, ValueError) as error:
        raise BadInput(f"{name} can't be read as a table: {error}; save it again as UTF-8") from error
    table = table.rename(columns={"id": "cluster_id"})
    if "cluster_id" not in table:
        raise BadInput(f"{name} has no column cluster_id; it has {listed(map(str, table))}")
    numbers = pd.to_numeric(table["cluster_id"], errors="coerce")
    if not np.all(numbers == np.floor(numbers)) or numbers.duplicated().any():
        raise BadInput(f"{name}: cluster_id must hold the whole number of each cluster, once; save it again in phy")
    return table.assign(cluster_id=numbers.astype(np.int64))

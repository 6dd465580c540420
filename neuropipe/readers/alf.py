"""Reads folders of ALF files: the release of Steinmetz et al. (2019), and sessions of the International Brain Lab.

A file `object.property.extension` holds one row per element of its object (https://github.com/int-brain-lab/ONE, ALF;
https://github.com/nsteinme/steinmetz-et-al-2019/wiki/data-files). Namespaces (`_ibl_`, `_ns_`) in front of an object
say nothing here. What stands before `spikes.`, `clusters.` or `channels.` and ends in a dot is the name of a probe:
`probe00.spikes.times.npy`. Several probes become one table of units.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.archives import load_npy
from neuropipe.readers.arrays import as_event_times, as_labels, listed
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import reader

NAME = re.compile(
    r"^(?:(?P<probe>.+)\.)?(?:_[a-z]+_)?(?P<object>spikes|clusters|channels|trials)"
    r"\.(?P<property>[^.]+)\.(?P<kind>npy|tsv)$"
)
GOOD = 2  # of clusters._phy_annotation: 0 noise, 1 several neurons, 2 good, 3 not annotated; the authors take 2 and 3
TIMES = "_times"


@reader("alf", tools=())
def read(files: Mapping[str, Path], *, good_units: bool = True) -> Recording:
    """Spike trains with a table of units over all probes, and trials with every event and label.

    good_units : take units that the authors include (`clusters._phy_annotation` of 2 or more), where the files say it
    units : probe, cluster, brain_area (Steinmetz: of the peak channel), and every property of clusters with a number
    each; trials : events (`*_times`, without that ending; start and stop of `intervals`) in s, NaN where there was
    none, and labels
    """
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    for name, path in files.items():
        match = NAME.match(name)
        if match is None:
            raise BadInput(f"{name} is no ALF file that is read; names are object.property.npy, e.g. spikes.times.npy")
        held = objects.setdefault((match["probe"] or "", match["object"]), {})
        held[match["property"]] = _values(Path(path), name, match["kind"])
    probes = sorted({probe for probe, kind in objects if kind == "spikes"})
    if not probes:
        raise BadInput(f"an ALF folder needs spikes.times.npy and spikes.clusters.npy; there is {listed(files)}")
    parts = [_probe(objects, probe, good_units) for probe in probes]
    units = pd.concat([table for table, _ in parts], ignore_index=True)
    if units.empty:
        raise BadInput("no unit was called good in clusters._phy_annotation; give `good_units: false` to take all")
    trains = [train for _, of_probe in parts for train in of_probe]
    trials = [held for (_, kind), held in objects.items() if kind == "trials"]
    return Recording(units=units, spikes=SpikeTrains.from_list(trains), trials=_trials(trials[0]) if trials else None)


def _values(path: Path, name: str, kind: str) -> Any:
    if not path.is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    if kind == "npy":
        return load_npy(path, name=name)
    try:
        return pd.read_csv(path, sep="\t", keep_default_na=False)
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{name} can't be read as a table of tab-separated columns: {error}") from error


def _probe(objects: Mapping, probe: str, good_units: bool) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """The units of a probe and their spike trains."""
    spikes = objects[probe, "spikes"]
    missing = [f"spikes.{name}.npy" for name in ("times", "clusters") if name not in spikes]
    if missing:
        raise BadInput(f"an ALF folder needs {listed(missing)} beside its other files of spikes")
    times, owner = (np.ravel(spikes[name]) for name in ("times", "clusters"))
    where = f"{probe}.spikes.times" if probe else "spikes.times"
    times = as_event_times(times, len(times), where)
    if len(owner) != len(times) or owner.dtype.kind not in "iuf" or np.any(owner != np.floor(owner)):
        raise BadInput(
            f"{where} has {len(times)} spikes, spikes.clusters {len(owner)} numbers; give a cluster for each"
        )
    clusters = objects.get((probe, "clusters"), {})
    owner = owner.astype(np.int64)
    lengths = {len(values) for values in clusters.values()}
    n_clusters = lengths.pop() if len(lengths) == 1 else int(owner.max(initial=-1)) + 1
    if lengths or owner.min(initial=0) < 0 or owner.max(initial=0) >= n_clusters:
        raise BadInput(
            f"{where}: spikes belong to clusters {owner.min()} to {owner.max()}, but the files of clusters don't have "
            f"{n_clusters} rows each, counted from 0"
        )
    table = pd.DataFrame({"probe": probe, "cluster": np.arange(n_clusters)})
    for name, values in clusters.items():
        flat = np.squeeze(values) if isinstance(values, np.ndarray) else values
        if isinstance(flat, np.ndarray) and flat.shape == (n_clusters,) and flat.dtype.kind in "biufU":
            table[name.lstrip("_")] = flat
    places = objects.get((probe, "channels"), {}).get("brainLocation")
    if isinstance(places, pd.DataFrame) and "allen_ontology" in places and "peakChannel" in table:
        table["brain_area"] = _areas(table["peakChannel"].to_numpy(), places["allen_ontology"].to_numpy())
    if good_units and "phy_annotation" in table:
        table = table[table["phy_annotation"] >= GOOD]
    order = np.lexsort((times, owner))
    edges = np.searchsorted(owner[order], np.arange(n_clusters + 1))
    ordered = times[order]
    return table, [ordered[edges[unit] : edges[unit + 1]] for unit in table["cluster"]]


def _areas(peak: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The area of each unit's peak channel; channels are counted from 1, and 0 means none."""
    known = (peak >= 1) & (peak <= len(areas))
    return np.where(known, areas[np.where(known, peak, 1).astype(int) - 1].astype(str), "root")


def _trials(held: Mapping[str, Any]) -> pd.DataFrame:
    """A row per trial: events without `_times`, start and stop of intervals, labels; other shapes are left out."""
    arrays = {name: np.asarray(values) for name, values in held.items() if isinstance(values, np.ndarray)}
    n_trials = {len(values) for values in arrays.values()}
    if len(n_trials) != 1:
        said = ", ".join(f"{name} {len(values)}" for name, values in sorted(arrays.items()))
        raise BadInput(f"the files of trials differ in length: {said or 'there is none'}; each has a row per trial")
    n = n_trials.pop()
    table: dict[str, np.ndarray] = {}
    for name, values in sorted(arrays.items()):
        if name == "intervals" and values.shape == (n, 2):
            table["start"], table["stop"] = values.T.astype(np.float64)
        elif name.endswith(TIMES):
            table[name.removesuffix(TIMES)] = as_event_times(values, n, f"trials.{name}", may_miss=True)
        elif np.squeeze(values).shape == (n,):
            flat = np.squeeze(values)
            missing = flat.dtype.kind == "f" and np.isnan(flat).any()
            table[name] = flat.astype(np.float64) if missing else as_labels(flat, n, f"trials.{name}")
    return pd.DataFrame(table, index=pd.RangeIndex(n))

"""Reads folders of ALF files: the release of Steinmetz et al. (2019), and sessions of the International Brain Lab.

A file `object.property.extension` holds one row per element of its object (https://github.com/int-brain-lab/ONE, ALF;
https://github.com/nsteinme/steinmetz-et-al-2019/wiki/data-files). Namespaces (`_ibl_`, `_ns_`) in front of an object
say nothing here. What stands before `spikes.`, `clusters.` or `channels.` and ends in a dot is the name of a probe:
`probe00.spikes.times.npy`. Several probes become one table of units. Tables (`.pqt`) hold a property per column:
`clusters.metrics.pqt` and `_ibl_trials.table.pqt` (https://github.com/int-brain-lab/ibllib, ibllib/pipes/ephys_tasks.py
and ibllib/io/extractors/ephys_fpga.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.readers.alf_layout import NAME, files_to_read, sessions_among
from neuropipe.readers.alf_trials import trial_table
from neuropipe.readers.archives import load_npy
from neuropipe.readers.arrays import as_event_times, listed
from neuropipe.readers.folders import Folder, Found
from neuropipe.readers.trials_csv import TRIALS, trials_of
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.registry import reader

GOOD = 2  # of clusters._phy_annotation: 0 noise, 1 several neurons, 2 good, 3 not annotated; the authors take 2 and 3
# Of `label` in clusters.metrics: the fraction of the laboratory's criteria that a unit meets (int-brain-lab/ibllib,
# brainbox/metrics/single_units.py, compute_labels).
ALL_PASSED = 1.0
MOST_CLUSTERS = 10_000_000  # numbers of clusters that merging and splitting by hand could have used up
NOWHERE = "root"  # the brain area of what lies in none


@reader(
    "alf", tools=(), folder="in_folder", folder_is="spikes.times.npy and spikes.clusters.npy of ALF (IBL, Steinmetz)"
)
def read(files: Mapping[str, Path], *, good_units: bool = True) -> Recording:
    """Spike trains with a table of units over all probes, and trials with every event and label.

    good_units : take units that the authors include (`clusters._phy_annotation` of 2 or more, or `label` 1 in
        clusters.metrics), where the files say it
    units : probe, cluster, brain_area (of the peak channel: what Steinmetz et al. name, or the acronym or the number
        of the Allen CCF 2017 as text), and every property of clusters with a value each; trials : events (`*_times`,
        without that ending; start and stop of `intervals`) in s, NaN where there was none, and labels. `trials.csv`
        beside the files takes their place.
    """
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    for name, path in files.items():
        match = NAME.match(name)
        if match is None and name != TRIALS:
            raise BadInput(f"{name} is no ALF file that is read; names are object.property.npy, e.g. spikes.times.npy")
        if match is not None:
            held = objects.setdefault((match["probe"] or "", match["object"]), {})
            held[match["property"]] = _values(Path(path), name, match["kind"])
    probes = sorted({probe for probe, kind in objects if kind == "spikes"})
    if not probes:
        raise BadInput(f"an ALF folder needs spikes.times.npy and spikes.clusters.npy; there is {listed(files)}")
    parts = [_probe(objects, probe, good_units) for probe in probes]
    units = pd.concat([table for table, _ in parts], ignore_index=True)
    if units.empty:
        raise BadInput(
            "no unit was called good in clusters._phy_annotation or clusters.metrics; give `good_units: false` to "
            "take all"
        )
    trains = [train for _, of_probe in parts for train in of_probe]
    trials = trials_of(files)
    held = [held for (_, kind), held in objects.items() if kind == "trials"]
    if trials is None and held:
        trials = trial_table(held[0])
    return Recording(units=units, spikes=SpikeTrains.from_list(trains), trials=trials)


def in_folder(folder: Folder, parameters: Mapping[str, Any]) -> list[Found]:
    """The sessions of a folder of ALF files, with all their probes."""
    root = folder.root.as_posix()
    found = []
    for place, paths in sessions_among(folder.files, root).items():
        files = files_to_read(paths, root)
        own = TRIALS if place == "." else f"{place}/{TRIALS}"
        found.append(Found(place, files | ({TRIALS: own} if own in folder.files else {})))
    return found


def _values(path: Path, name: str, kind: str) -> Any:
    if not path.is_file():
        raise BadInput(f"the file {name} is not there: no such file as {path}")
    if kind == "npy":
        return load_npy(path, name=name)
    try:
        if kind == "pqt":
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if kind == "tsv" else ",", keep_default_na=False)
    except (ValueError, UnicodeDecodeError, OSError) as error:
        words = " ".join(str(error).split())[:200]
        raise BadInput(f"{name} can't be read as a table of columns: {words}; copy it again") from error


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
    tables = {name: values for name, values in clusters.items() if isinstance(values, pd.DataFrame)}
    arrays = {name: values for name, values in clusters.items() if name not in tables}
    lengths = {len(values) for name, values in clusters.items() if "cluster_id" not in tables.get(name, ())}
    n_clusters = lengths.pop() if len(lengths) == 1 else int(owner.max(initial=-1)) + 1
    if not len(owner):
        raise BadInput(f"{where} holds no spikes; copy it again")
    if lengths or owner.min(initial=0) < 0 or owner.max(initial=0) >= n_clusters:
        raise BadInput(
            f"{where}: spikes belong to clusters {owner.min()} to {owner.max()}, but the files of clusters don't have "
            f"{n_clusters} rows each, counted from 0"
        )
    if n_clusters > MOST_CLUSTERS:
        raise BadInput(f"{where}: spikes belong to {n_clusters:,} clusters, more than any sorting finds; copy it again")
    table = pd.DataFrame({"probe": probe, "cluster": np.arange(n_clusters)})
    for name, values in arrays.items():
        flat = np.squeeze(values)
        if flat.shape == (n_clusters,) and flat.dtype.kind in "biufU":
            table[name.lstrip("_")] = flat
    for values in tables.values():
        table = _joined(table, values)
    areas = _areas(table, objects.get((probe, "channels"), {}))
    if areas is not None:
        table["brain_area"] = areas
    if good_units and "phy_annotation" in table:
        table = table[table["phy_annotation"] >= GOOD]
    elif good_units and "label" in table:
        table = table[table["label"] == ALL_PASSED]
    order = np.lexsort((times, owner))
    edges = np.searchsorted(owner[order], np.arange(n_clusters + 1))
    ordered = times[order]
    return table, [ordered[edges[unit] : edges[unit + 1]] for unit in table["cluster"]]


def _joined(table: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """The units with the columns of a table of clusters: by its `cluster_id` if it has one, else row by row."""
    plain = values.reset_index(drop=True)
    if "cluster_id" in plain:
        plain = plain.drop_duplicates("cluster_id").set_index("cluster_id").reindex(table["cluster"])
        plain = plain.reset_index(drop=True)
    return table.join(plain[[name for name in plain if isinstance(name, str) and name not in table]])


def _areas(table: pd.DataFrame, channels: Mapping[str, Any]) -> np.ndarray | None:
    """The brain area of each unit's peak channel; None where the files don't say it.

    Steinmetz et al. count channels from 1 (`peakChannel`; 0 is none), the International Brain Lab from 0 (`channels`).
    Areas of the latter are acronyms where a file gives them, else the numbers of the Allen CCF 2017 as text.
    """
    places = channels.get("brainLocation")
    if places is not None and "allen_ontology" in places and "peakChannel" in table:
        return _at(places["allen_ontology"].to_numpy().astype(str), table["peakChannel"].to_numpy() - 1)
    if "brainLocationAcronyms_ccf_2017" in table:
        return table["brainLocationAcronyms_ccf_2017"].to_numpy().astype(str)
    for name in ("brainLocationAcronyms_ccf_2017", "brainLocationIds_ccf_2017"):
        if name in channels and "channels" in table:
            return _at(np.ravel(channels[name]).astype(str), table["channels"].to_numpy())
    return None


def _at(areas: np.ndarray, channel: np.ndarray) -> np.ndarray:
    known = (channel >= 0) & (channel < len(areas))
    return np.where(known, areas[np.where(known, channel, 0).astype(int)], NOWHERE)

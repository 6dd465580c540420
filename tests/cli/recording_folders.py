"""Folders as recording programs, sorters and archives leave them, with decisions that can be decoded."""

import json
import uuid
from pathlib import Path

import numpy as np
import pandas as pd

from neuropipe.recording import Recording
from neuropipe.simulate import drift_diffusion, voltage

TASK = ("--label", "choice", "--align", "stimulus", "--window", "0.2", "0.5", "--bin-width", "0.1")


def decisions(**changed) -> Recording:
    """Spikes of 12 units in 60 decisions."""
    return drift_diffusion(**{"seed": 3, "n_trials": 60, "n_units": 12} | changed)


def trials_csv(path: Path, trials: Recording | pd.DataFrame) -> Path:
    table = trials if isinstance(trials, pd.DataFrame) else trials.trials
    table.to_csv(path, index=False)
    return path


def open_ephys(root: Path, made: Recording, *, streams: int = 1) -> Path:
    """The folder of a session of the Open Ephys GUI, with a probe file in it."""
    samples, channels = made.voltage.samples[slice(0, None)], made.voltage.channels
    folder = root / "Record Node 101" / "experiment1" / "recording1"
    described = []
    for at in range(streams):
        name = f"Acquisition_Board-{100 + at}.Rhythm Data"
        place = folder / "continuous" / name
        place.mkdir(parents=True)
        (place / "continuous.dat").write_bytes(np.asarray(samples, "<i2").tobytes())
        np.save(place / "sample_numbers.npy", np.arange(len(samples)))
        np.save(place / "timestamps.npy", np.arange(len(samples)) / made.voltage.sampling_rate)
        gain = float(channels["gain"].iloc[0])
        each = {"bit_volts": gain, "units": "uV", "description": "", "identifier": ""}
        described.append(
            {
                "folder_name": f"{name}/",
                "sample_rate": made.voltage.sampling_rate,
                "num_channels": len(channels),
                "stream_name": "Rhythm Data",
                "source_processor_name": "Acquisition Board",
                "source_processor_id": 100 + at,
                "recorded_processor": "Record Node",
                "recorded_processor_id": 101,
                "channels": [{"channel_name": f"CH{channel + 1}", **each} for channel in range(len(channels))],
            }
        )
    structure = {"GUI version": "0.6.0", "continuous": described, "events": [], "spikes": []}
    (folder / "structure.oebin").write_text(json.dumps(structure))
    channels[["x", "y"]].to_csv(folder / "probe.csv", index=False)
    return root


def tetrode(**changed) -> Recording:
    """Voltage of five units on a tetrode in 40 decisions, 40 s."""
    return voltage(
        **{"seed": 5, "probe": "tetrode", "duration": 40.0, "decisions": {"n_trials": 40, "n_units": 5}} | changed
    )


def phy(root: Path, made: Recording, rate: float = 20000.0) -> Path:
    """What Kilosort writes and phy curates; the last cluster is noise."""
    root.mkdir(parents=True)
    times, clusters = trains(made)
    np.save(root / "spike_times.npy", np.round(times * rate).astype(np.uint64))
    np.save(root / "spike_clusters.npy", clusters.astype(np.int32))
    (root / "params.py").write_text(f"dat_path = 'raw.dat'\nn_channels_dat = 4\nsample_rate = {rate}\n")
    groups = pd.DataFrame({"cluster_id": np.arange(made.spikes.n_units), "group": "good"})
    groups.loc[groups.index[-1], "group"] = "noise"
    groups.to_csv(root / "cluster_group.tsv", sep="\t", index=False)
    return root


def ibl(session: Path, made: Recording, *, probes: tuple[str, ...] = ("probe00", "probe01")) -> Path:
    """A session of the International Brain Lab with revisions; every third unit is not good, probes share the units."""
    times, owner = trains(made)
    for at, probe in enumerate(probes):
        folder = session / "alf" / probe / "pykilosort"
        for name, values in ibl_arrays(times, owner, made.spikes.n_units, at).items():
            revision = folder / "#2024-05-06#" if name.startswith("spikes") else folder
            revision.mkdir(parents=True, exist_ok=True)
            write_table(revision / name, values)
        # An older sorting of the same probe, and an older revision, which is not read.
        for old in (folder, session / "alf" / probe):
            np.save(old / "spikes.times.npy", np.array([1.0]))
            np.save(old / "spikes.clusters.npy", np.array([0]))
    (session / "alf" / "#2025-03-03#").mkdir(parents=True)
    write_table(session / "alf" / "#2025-03-03#" / "_ibl_trials.table.pqt", ibl_trials(made))
    np.save(session / "alf" / "_ibl_trials.goCueTrigger_times.npy", made.trials["stimulus"].to_numpy())
    np.save(session / "alf" / "_ibl_wheel.position.npy", np.zeros(9))
    return session


def ibl_arrays(
    times: np.ndarray, owner: np.ndarray, n_units: int, probe: int = 0
) -> dict[str, np.ndarray | pd.DataFrame]:
    """File name -> content of a probe's sorting. Cluster 2, 5, ... is not good; areas alternate."""
    good = np.where(np.arange(n_units) % 3 == 2, 2 / 3, 1.0)
    ids = [str(uuid.UUID(int=1000 * probe + unit)) for unit in range(n_units)]
    return {
        "spikes.times.npy": times,
        "spikes.clusters.npy": owner.astype(np.uint32),
        "clusters.channels.npy": np.arange(n_units) % 4,
        "clusters.depths.npy": 20.0 * np.arange(n_units),
        "clusters.metrics.pqt": pd.DataFrame({"cluster_id": np.arange(n_units), "label": good}),
        "clusters.uuids.csv": pd.DataFrame({"uuids": ids}),
        "channels.brainLocationIds_ccf_2017.npy": np.array([385, 385, 672, 672]),
        "channels.mlapdv.npy": np.zeros((4, 3)),
    }


def ibl_trials(made: Recording) -> pd.DataFrame:
    table = made.trials
    contrast = np.linspace(-1, 1, len(table))
    return pd.DataFrame(
        {
            "intervals_0": table["start"],
            "intervals_1": table["start"] + 1.0,
            "stimOn_times": table["stimulus"],
            "choice": table["choice"].astype(float),
            "feedbackType": np.where(np.arange(len(table)) % 3 == 0, -1.0, 1.0),
            "contrastLeft": np.where(contrast < 0, -contrast, np.nan),
            "contrastRight": np.where(contrast >= 0, contrast, np.nan),
            "probabilityLeft": 0.5,
        }
    )


def write_table(path: Path, values: np.ndarray | pd.DataFrame) -> None:
    if isinstance(values, np.ndarray):
        np.save(path, values)
    elif path.suffix == ".pqt":
        values.to_parquet(path)
    else:
        values.to_csv(path, index=False)


def trains(made: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Times, s, and units of all spikes in time order."""
    owner = np.repeat(np.arange(made.spikes.n_units), np.diff(made.spikes.offsets))
    order = np.argsort(made.spikes.times, kind="stable")
    return made.spikes.times[order], owner[order]

"""Has allensdk fetch a session from the Allen Institute's warehouse and read it, and writes down what it read.

Runs in .venv-allen under Dagster Pipes, and imports nothing of ours. Its job is in the extras: kind (ecephys, ophys),
id, host, cache (folder of allensdk's tables), output (.npz), printed (file that takes what libraries print). It answers
with one message: {"done": facts} or {"refused": sentence}.
"""

import contextlib
import functools
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import warnings
from pathlib import Path

from dagster_pipes import open_dagster_pipes

TIMEOUT = (10.0, 120.0)  # s, to connect and between bytes; allensdk itself would wait for ever
ABANDONED = 24 * 3600.0  # s: a working folder this old belongs to a process that was killed


class Refused(Exception):
    """Something that whoever asked is to be told as it is."""


def main() -> None:
    _end_with_parent()
    with open_dagster_pipes() as pipes:
        job = pipes.extras
        with open(job["printed"], "ab", buffering=0) as printed:
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
        try:
            pipes.report_custom_message({"done": export(job, pipes.log)})
        except Refused as refused:
            pipes.report_custom_message({"refused": str(refused)})
        except Exception as error:
            traceback.print_exc()
            said = f"allensdk could not read {job['kind']} {job['id']} ({type(error).__name__}: {error})"
            pipes.report_custom_message({"refused": said})


def export(job, log):
    """Write the file; facts about it. job : as above; log : of Pipes."""
    import requests

    warnings.simplefilter("ignore")
    requests.get = functools.partial(requests.get, timeout=TIMEOUT)
    socket.setdefaulttimeout(TIMEOUT[1])
    log.info(f"allensdk asks http://{job['host']} for {job['kind']} {job['id']}")
    try:
        arrays = KINDS[job["kind"]](job)
    except (requests.exceptions.RequestException, urllib.error.URLError) as error:
        raise Refused(
            f"the warehouse http://{job['host']} does not answer as expected ({type(error).__name__}); try again later"
        ) from error
    import allensdk
    import numpy as np

    arrays["allensdk.version"] = np.array([allensdk.__version__])
    with open(job["output"], "wb") as file:
        np.savez(file, **arrays)
    return {"allensdk": allensdk.__version__, "bytes": Path(job["output"]).stat().st_size}


def ecephys(job):
    """A Neuropixels session: units that pass allensdk's filters, spikes, stimuli, invalid times, running."""
    import numpy as np
    from allensdk.brain_observatory.ecephys.ecephys_project_cache import EcephysProjectCache
    from allensdk.brain_observatory.nwb.nwb_api import NwbApi

    session_id = int(job["id"])
    with working_folder(job) as folder:
        cache = EcephysProjectCache.from_warehouse(
            scheme="http", host=job["host"], manifest=str(folder / "manifest.json"), timeout=24 * 3600
        )
        try:
            known = session_id in cache.fetch_api.get_sessions(session_ids=[session_id]).index
        except KeyError:  # a table without rows has no columns either
            known = False
        if not known:
            raise Refused(f"the warehouse http://{job['host']} has no Neuropixels session {session_id}: correct the id")
        (folder / f"session_{session_id}").mkdir()
        session = cache.get_session_data(session_id)
        units, presentations, spikes = session.units, session.stimulus_presentations, session.spike_times
        trains = [np.asarray(spikes[unit], np.float64) for unit in units.index]
        invalid = session.invalid_times
        running = session.running_speed
        in_file = len(NwbApi(str(folder / f"session_{session_id}" / f"session_{session_id}.nwb")).nwbfile.units)
    arrays = {
        **_columns("units", units.reset_index()),
        **_columns("presentations", presentations),
        "spikes.times": np.concatenate(trains) if trains else np.empty(0),
        "spikes.offsets": np.concatenate([[0], np.cumsum([len(train) for train in trains])]).astype(np.int64),
        "spikes.units_in_file": np.array([in_file]),
        "running.times": running["start_time"].to_numpy(np.float64),
        "running.speed": running["velocity"].to_numpy(np.float64),
    }
    empty = not len(invalid)
    arrays["invalid.start"] = np.empty(0) if empty else invalid["start_time"].to_numpy(np.float64)
    arrays["invalid.stop"] = np.empty(0) if empty else invalid["stop_time"].to_numpy(np.float64)
    arrays["invalid.tags"] = _text([] if empty else ["\n".join(map(str, tags)) for tags in invalid["tags"]])
    return arrays


def ophys(job):
    """A two-photon experiment: dF/F, stimulus tables in frames, running speed."""
    import numpy as np
    from allensdk.core.brain_observatory_cache import BrainObservatoryCache

    experiment = int(job["id"])
    with working_folder(job) as folder:
        cache = BrainObservatoryCache(manifest_file=str(folder / "manifest.json"), base_uri=f"http://{job['host']}")
        query = {"ophys_experiment_id": experiment}
        if not cache.api.template_query("brain_observatory_queries", "ophys_experiment_data", **query):
            raise Refused(
                f"the warehouse http://{job['host']} has no two-photon experiment {experiment}: correct the id"
            )
        data = cache.get_ophys_experiment_data(experiment, file_name=str(folder / f"{experiment}.nwb"))
        frame_times, dff = data.get_dff_traces()
        speed, times = data.get_running_speed()
        return {
            "traces.frame_times": np.asarray(frame_times, np.float64),
            "traces.dff": np.ascontiguousarray(np.asarray(dff).T, np.float32),
            "units.cell_specimen_id": np.asarray(data.get_cell_specimen_ids()),
            "units.roi_id": np.asarray(data.get_roi_ids()),
            "running.speed": np.asarray(speed, np.float64),
            "running.times": np.asarray(times, np.float64),
            **_stimuli(data),
        }


@contextlib.contextmanager
def working_folder(job):
    """A folder that is gone afterwards, with the warehouse's tables that were fetched before; new ones are kept.

    allensdk reads what it finds, also a table that a killed process wrote half of: so tables are kept when they are
    whole, in one step each.
    """
    kept = Path(job["cache"])
    kept.mkdir(parents=True, exist_ok=True)
    for abandoned in kept.glob("fetch-*"):
        if time.time() - abandoned.stat().st_mtime > ABANDONED:
            shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=kept) as folder:
        for table in kept.glob("*.csv"):
            shutil.copy(table, folder)
        yield Path(folder)
        for table in Path(folder).glob("*.csv"):
            table.replace(kept / table.name)


def _stimuli(data):
    """Tables of all stimuli, one after another; movies and noise have a row per frame."""
    import pandas as pd

    tables = []
    for stimulus in sorted(data.list_stimuli()):
        tables.append(data.get_stimulus_table(stimulus).assign(stimulus_name=stimulus))
    return _columns("presentations", pd.concat(tables, ignore_index=True, sort=False))


def _columns(group, table):
    """group.name -> array of each column; what is no number is text."""
    import numpy as np

    found = {}
    for name in table.columns:
        values = table[name].to_numpy()
        found[f"{group}.{name}"] = values if values.dtype.kind in "biuf" else _text(values)
    return {name: np.asarray(values) for name, values in found.items()}


def _text(values):
    import numpy as np

    return np.array([str(float(value)) if isinstance(value, bool) else str(value) for value in values], dtype="U")


def _end_with_parent():
    """End this process when the one that started it is gone, however it ended."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


KINDS = {"ecephys": ecephys, "ophys": ophys}

if __name__ == "__main__":
    sys.exit(main())

"""`neuropipe plan` over 1,000 sessions x 20 assets, from the shell, with an empty and with a full store.

    python -m benchmarks.plan

The store is filled with manifests alone: a plan reads nothing else of an artifact.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
N_SESSIONS, N_RUNS = 1000, 5
# Copies of a decoder, so that a session has more than 20 assets: recording, activity, binned, folds, two per decoder.
COPIES = 6

CATALOG = """\
title: A thousand simulated sessions
citation: none
licence: CC0-1.0
modality: spikes
simulator: drift_diffusion
task: {label: choice, align: stimulus, window: [0.2, 0.5], bin_width: 0.05, folds: {schemes: [blocked, rolled]}}
sessions:
"""


def measure() -> dict[str, float]:
    """Assets a session, and the median seconds of the command with an empty and with a full store."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for package in ("neuropipe", "resources", "assets"):
            shutil.copytree(ROOT / package, copy / package)
        original = (copy / "neuropipe/decoders/rate_logistic.py").read_text()
        for number in range(COPIES):
            text = original.replace('@decoder("rate_logistic"', f'@decoder("rate_logistic_{number}"')
            (copy / f"neuropipe/decoders/rate_logistic_{number}.py").write_text(text)
        (copy / "catalog").mkdir()
        sessions = "".join(f"  s{number:04d}: {{parameters: {{seed: {number}}}}}\n" for number in range(N_SESSIONS))
        (copy / "catalog" / "thousand.yaml").write_text(CATALOG + sessions)
        environment = {
            **os.environ,
            "PYTHONPATH": folder,
            "NEUROPIPE_CATALOG": str(copy / "catalog"),
            "NEUROPIPE_STORE": str(copy / "store"),
            "NEUROPIPE_RAW": str(copy / "raw"),
        }
        empty, _ = _command(copy, environment)
        fill = [sys.executable, "-c", "from benchmarks import plan; plan.fill()"]
        subprocess.run(fill, cwd=copy, env={**environment, "PYTHONPATH": f"{folder}:{ROOT}"}, check=True)
        full, last = _command(copy, environment)
    hits = int(last.partition(" hit")[0])
    assert hits >= 20 * N_SESSIONS, last
    return {"assets a session": hits // N_SESSIONS, "empty store, s": empty, "full store, s": full}


def _command(copy: Path, environment: dict[str, str]) -> tuple[float, str]:
    seconds, last = [], ""
    for _ in range(N_RUNS):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "neuropipe", "plan"],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seconds.append(time.perf_counter() - began)
        last = done.stdout.splitlines()[-1]
    return statistics.median(seconds), last


def fill() -> None:
    """Write a manifest for every pair that the present pipeline asks for, upstream first."""
    from assets.pipeline import build_pipeline
    from resources.store.commit import SCHEMA
    from resources.store.manifest import MANIFEST, seal
    from resources.store.plan import Planner

    pipeline = build_pipeline()
    artifacts = pipeline.workspace.store_root / "artifacts"
    while True:
        rows = Planner(pipeline).plan(pipeline.workspace.catalog)
        waiting = [
            row for row in rows if row.session and row.state == "run" and row.fingerprint and row.holder == row.asset
        ]
        if not waiting:
            return
        for row in waiting:
            target = artifacts / row.asset / row.fingerprint[:32]
            target.mkdir(parents=True)
            manifest = {
                "data_version": row.fingerprint,
                "schema": SCHEMA,
                "asset": row.asset,
                "fingerprint": row.fingerprint,
                "ingredients": {"filler": "x" * 2000},
                "metadata": {},
                "checks": {},
                "bytes": 0,
                "files": {},
            }
            (target / MANIFEST).write_bytes(seal(manifest))


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name:18} {value:8.2f}")

"""Installations to run the command in: folders of their own, over the project's code or over a copy of it."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.prepared_python import PreparedPython

ROOT = Path(__file__).resolve().parent.parent

# Sessions that are made, binned and decoded by rates in a second.
QUICK = """\
title: Quick simulated decisions
citation: "Ratcliff and McKoon 2008, Neural Computation 20:873"
licence: CC0-1.0
modality: spikes
simulator: drift_diffusion
parameters: {n_trials: 60, n_units: 12}
task:
  label: choice
  align: stimulus
  window: [0.2, 0.5]
  bin_width: 0.05
  folds: {schemes: [blocked], n_folds: 3, gap: 1}
sessions:
  one: {parameters: {seed: 1}}
  two: {parameters: {seed: 2}}
"""


@dataclass(frozen=True)
class Place:
    """Folders of one installation, the code it runs, and commands run in it."""

    root: Path
    code: Path = ROOT

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DAGSTER_HOME": str(self.root / "home"),
            "NEUROPIPE_CATALOG": str(self.root / "catalog"),
            "NEUROPIPE_STORE": str(self.root / "artifacts"),
            "NEUROPIPE_RAW": str(self.root / "raw"),
            "PYTHONPATH": str(self.code),
            "COLUMNS": "200",
        }

    def neuropipe(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The real command in a process of its own, with the libraries that all commands load loaded before."""
        return prepared().run(["neuropipe", *arguments], self.root, {**self.environment, **environment}, timeout=600)

    def python(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """The real command, still running, for tests that interrupt it or run two at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "neuropipe", *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *arguments: str, **environment: str) -> Any:
        """What a command that must succeed prints with --json."""
        done = self.neuropipe(*arguments, "--json", **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """A file of the code, or of the catalogue, with `old` replaced by `new`; as it was afterwards."""
        file = self.root / path if path.startswith("catalog/") else self.code / path
        before = file.read_text()
        assert old in before, f"{path} no longer holds {old!r}: give the test another place to edit"
        file.write_text(before.replace(old, new))
        try:
            yield
        finally:
            file.write_text(before)


@functools.cache
def prepared() -> PreparedPython:
    """The server of this process's commands."""
    return PreparedPython()


def make_place(root: Path, code: Path = ROOT, **datasets: str) -> Place:
    """An installation in `root` with nothing made yet; `datasets` (name -> YAML) are its catalogue."""
    shutil.copytree(_run_history(), root / "home")
    (root / "catalog").mkdir()
    for name, text in datasets.items():
        (root / "catalog" / f"{name}.yaml").write_text(text)
    return Place(root, code)


@functools.cache
def _run_history() -> Path:
    """A DAGSTER_HOME whose databases are made, once per process: each takes half a second."""
    import dagster as dg

    home = Path(tempfile.mkdtemp(prefix="neuropipe-home-"))
    shutil.copy(ROOT / "dagster.yaml", home)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_runs_count() == 0
    return home


def clean_up() -> None:
    """End and remove what this process keeps for places to come, if there is any."""
    if prepared.cache_info().currsize:
        prepared().end()
    if _run_history.cache_info().currsize:
        shutil.rmtree(_run_history(), ignore_errors=True)
        _run_history.cache_clear()


def copy_project(root: Path) -> Path:
    """The project as git has it, copied into `root` to be edited."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\n"):
        if name and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    return root

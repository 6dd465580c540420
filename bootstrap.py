"""Set up .venv from the lock with nothing but Python >= 3.11 and pip: `python3 bootstrap.py`.

A stamp of what was installed makes a second call return at once. torch comes first and apart: its plain wheel pulls
several GB of CUDA, so a local wheel is tried, then PyTorch's CPU index, and only then the default index.

`python3 bootstrap.py allen` sets up .venv-allen instead, which holds allensdk: that pins numpy < 1.24 and pandas 1.5.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "locks" / "main.txt"
TORCH = "torch==2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
INSIDE = "Scripts/python.exe" if os.name == "nt" else "bin/python"
PYTHON = VENV / INSIDE
ALLEN_VENV = ROOT / ".venv-allen"
ALLEN_LOCK = ROOT / "locks" / "allen.txt"


def pip_install(*args: str, attempt: bool = False, python: Path = PYTHON) -> bool:
    """Install, errors shown; an `attempt` is silent and may fail. python : of the environment to install into"""
    silence = subprocess.DEVNULL if attempt else None
    command = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *args]
    return subprocess.run(command, check=not attempt, stdout=silence, stderr=silence).returncode == 0


def install_torch() -> None:
    cpu_index = ["--index-url", CPU_INDEX, "--retries", "1", "--timeout", "15"]
    # Only the default index's wheel needs its dependencies: the CUDA libraries, without which it does not import.
    for source in (["--no-deps", "--no-index"], ["--no-deps", *cpu_index], []):
        if pip_install(*source, TORCH, attempt=True):
            return
    sys.exit(f"could not install {TORCH}: no local wheel and no package index answered")


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever runs this may have an older Python)
        sys.exit(f"neuropipe needs Python 3.11 or newer; this is {sys.version.split()[0]} (set PYTHON=python3.11)")
    project = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(LOCK.read_bytes() + project + f"{TORCH} {sys.version} {ROOT}".encode()).hexdigest()
    stamp = VENV / ".stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("setting up .venv (once; about two minutes) ...", flush=True)
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    install_torch()
    pip_install("--no-deps", "--require-hashes", "-r", str(LOCK))
    pip_install("--no-deps", "--no-build-isolation", "-e", str(ROOT))
    stamp.write_text(wanted)


def python_of_allen() -> str:
    """The Python that allensdk's numpy runs on: 3.11, this one or one on the PATH."""
    found = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if not found:
        sys.exit("allensdk needs Python 3.11 (its numpy has no build for newer ones): put a python3.11 on the PATH")
    return found


def allen() -> None:
    """Set up .venv-allen from its own lock."""
    wanted = hashlib.sha256(ALLEN_LOCK.read_bytes() + str(ROOT).encode()).hexdigest()
    stamp, python = ALLEN_VENV / ".stamp", ALLEN_VENV / INSIDE
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print("setting up .venv-allen (once; about a minute) ...", flush=True)
    if not python.exists():
        subprocess.run([python_of_allen(), "-m", "venv", str(ALLEN_VENV)], check=True)
    pip_install("--no-deps", "--require-hashes", "-r", str(ALLEN_LOCK), python=python)
    stamp.write_text(wanted)


if __name__ == "__main__":
    target, folder = (allen, ALLEN_VENV) if sys.argv[1:] == ["allen"] else (main, VENV)
    try:
        target()
    except subprocess.CalledProcessError as error:
        sys.exit(f"setting up {folder.name} failed: {' '.join(map(str, error.cmd))} (exit {error.returncode})")

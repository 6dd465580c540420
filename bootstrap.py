"""Set up .venv from the lock with nothing but Python >= 3.11 and pip: `python3 bootstrap.py`.

A stamp of what was installed makes a second call return at once. torch comes first and apart: its plain wheel pulls
several GB of CUDA, so a local wheel is tried, then PyTorch's CPU index, and only then the default index.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "locks" / "main.txt"
TORCH = "torch==2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip_install(*args: str, attempt: bool = False) -> bool:
    """Install, errors shown; an `attempt` is silent and may fail."""
    silence = subprocess.DEVNULL if attempt else None
    command = [PYTHON, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *args]
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


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"setting up .venv failed: {' '.join(map(str, error.cmd))} (exit {error.returncode})")

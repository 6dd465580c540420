"""allensdk's own environment, set up once per clone by whoever asks first, as `make allen` does."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from resources.files.locks import process_lock
from tests.installation import ROOT

PYTHON = ROOT / ".venv-allen" / "bin" / "python"


def set_up() -> None:
    """Set .venv-allen up, unless it is up to date."""
    name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
    with process_lock(Path(tempfile.gettempdir()) / f"neuropipe-allen-{name}.lock"):
        subprocess.run([sys.executable, str(ROOT / "bootstrap.py"), "allen"], check=True, timeout=900)


def written_by_allensdk(folder: Path) -> Path:
    """A Neuropixels session in the institute's schema, and warehouse.json beside it."""
    set_up()
    script, target = Path(__file__).with_name("write_session.py"), folder / "session.nwb"
    subprocess.run([PYTHON, "-W", "ignore", str(script), str(target)], check=True, timeout=300)
    return target

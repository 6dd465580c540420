"""The wheel: the whole library, typed, with its data, under one version, and nothing else."""

import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from neuropipe import __version__
from tests.installation import ROOT, copy_project


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Built from a copy of the sources, with the setuptools of this environment."""
    root = copy_project(tmp_path_factory.mktemp("wheel") / "sources")
    shutil.rmtree(root / "tests")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(root / "dist")]
    subprocess.run([*build, str(root)], check=True, timeout=300)
    (path,) = (root / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_library_with_its_data_and_nothing_else(wheel):
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "neuropipe"]
    tracked = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert held == {name for name in tracked if (ROOT / name).is_file()}
    assert "neuropipe/py.typed" in held


def test_the_version_is_said_once_and_is_the_same_everywhere(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    assert f"\nVersion: {__version__}\n" in wheel.read(metadata).decode()
    assert f'version = "{__version__}"' not in (ROOT / "pyproject.toml").read_text()
    assert re.search(rf"^version: {__version__}$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    newest = re.search(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == __version__

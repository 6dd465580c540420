"""The library's types hold: pyright finds nothing in neuropipe/ (its settings are in pyproject.toml)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_pyright_finds_nothing_in_the_library():
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 100, "pyright looked at the wrong folder"
    found = [
        f"{Path(error['file']).relative_to(ROOT)}:{error['range']['start']['line'] + 1}: {error['message']}"
        for error in report["generalDiagnostics"]
        if error["severity"] == "error"
    ]
    assert found == []

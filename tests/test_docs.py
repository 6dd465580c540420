"""Every code block of the how-to pages runs, in order, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# file: (\S+)\n")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project as git has it, with the environment it is run in."""
    root = tmp_path_factory.mktemp("clone")
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
    # The commands of this copy, not those of the project that the environment was made for.
    commands = root / "bin"
    commands.mkdir()
    for command, module in {"neuropipe": "neuropipe", "python": "", "dagster": "dagster"}.items():
        run_module = f"-m {module} " if module else ""
        (commands / command).write_text(f'#!/bin/sh\nexec "{sys.executable}" {run_module}"$@"\n')
        (commands / command).chmod(0o755)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_runs(page, copy):
    environment = {
        **os.environ,
        "PATH": f"{copy / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(copy),
        "DAGSTER_HOME": str(copy),
    }
    blocks = BLOCK.findall(page.read_text())
    assert blocks, f"{page.name} has no code blocks"
    for language, text in blocks:
        named = FILE.match(text)
        if named:
            (copy / named[1]).write_text(text.removeprefix(named[0]))
        elif language in ("bash", "python"):
            command = ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else [sys.executable, "-c", text]
            done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, f"{text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

"""Every code block of the how-to pages runs, in order, in a copy of the project."""

import os
import re
import subprocess
import sys

import pytest

from tests.installation import ROOT, copy_project, prepared

PAGES = sorted((ROOT / "docs").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# file: (\S+)\n")


@pytest.fixture
def copy(tmp_path):
    """The project as git has it, with the environment it is run in."""
    root = copy_project(tmp_path / "clone")
    # The commands of this copy, not those of the project that the environment was made for.
    commands = root / "bin"
    commands.mkdir()
    ask = f'-ES "{ROOT / "tests" / "prepared_python.py"}" run "{prepared().address}"'
    for command, options in {"neuropipe": f"{ask} neuropipe", "python": "", "dagster": "-m dagster"}.items():
        (commands / command).write_text(f'#!/bin/sh\nexec "{sys.executable}" {options} "$@"\n')
        (commands / command).chmod(0o755)
    return root


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """What one page made, the next one finds."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_runs(page, copy, store):
    environment = {
        **os.environ,
        "PATH": f"{copy / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(copy),
        "DAGSTER_HOME": str(copy),
        "NEUROPIPE_STORE": str(store),
        "SHARED_STORE": str(store),
    }
    blocks = BLOCK.findall(page.read_text())
    assert blocks, f"{page.name} has no code blocks"
    python = ""
    for language, text in blocks:
        named = FILE.match(text)
        if named:
            (copy / named[1]).write_text(text.removeprefix(named[0]))
        elif language == "bash":
            run(["bash", "-euo", "pipefail", "-c", text], copy, environment)
        elif language == "python":
            python += text
    run([sys.executable, "-c", python], copy, environment)  # the page's Python is one story


def run(command: list[str], folder, environment) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

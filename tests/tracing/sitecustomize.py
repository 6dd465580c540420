"""Traces a child process of a traced one: Python imports this at its start where PYTHONPATH holds this folder."""

import os

if folder := os.environ.get("NEUROPIPE_TRACE"):
    from pathlib import Path

    from tests.tracer import install

    install(Path(folder))

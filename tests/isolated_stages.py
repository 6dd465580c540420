"""A pipeline of stages that run in child processes and behave as they are told, for tests of what their parent does."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuropipe.errors import BadInput
from neuropipe.schemas.base import Check, Schema, array, document
from resources.store.pipeline import Pipeline
from resources.store.stage import StageConfig, stage
from resources.workspace import Workspace
from tests.installation import QUICK

BUILDER = "tests.isolated_stages:build"


class Orders(StageConfig):
    """do : one of DEEDS."""

    do: str = "work"


class Seed(StageConfig):
    seed: int


@dataclass(frozen=True, kw_only=True)
class Noted(Schema):
    text: Any = document()


@dataclass(frozen=True, kw_only=True)
class Worked(Schema):
    text: Any = document()
    counts: Any = array("row", "column", kinds="i")


@stage(group="g", settings_of_session=lambda session, workspace, fetch: {"seed": session.parameters["seed"]})
def source(config: Seed) -> Noted:
    return Noted(text=config.seed)


@stage(group="g", checks={"whole": "It is whole."}, isolated=True)
def worker(config: Orders, source: Noted, progress: Path, log: Any) -> Worked:
    log.info(f"{config.do} in {os.getpid()}")
    whole = DEEDS[config.do](progress, log)
    return Worked(
        text=source.text,
        counts=np.arange(6).reshape(2, 3),
        checks={"whole": whole or Check(True, "all there", facts={"parts": 3})},
        facts={"numbers": [1, 2.5], "in_process": os.getpid()},
    )


def build(workspace: Workspace) -> Pipeline:
    return Pipeline([source, worker], workspace, BUILDER)


def make_pipeline(root: Path) -> Pipeline:
    """The pipeline in folders below `root`, with the sessions quick.one and quick.two."""
    (root / "catalog").mkdir()
    (root / "catalog" / "quick.yaml").write_text(QUICK)
    return build(Workspace(root / "catalog", root / "store", root / "raw"))


def speak(progress: Path, log: Any) -> None:
    print("noise of a library")
    log.warning("100 % of it is odd")
    logging.getLogger("neuropipe.decoders").info("a line of the library")
    warnings.warn("it did not converge")


def fail(error: Exception) -> Callable[..., None]:
    def failing(*_: Any) -> None:
        raise error

    return failing


def hog(*_: Any) -> None:
    held = []
    while True:
        held.append(bytearray(b"x") * 2**24)
        time.sleep(0.02)


def hog_in_a_grandchild(progress: Path, log: Any) -> None:
    code = "from tests.isolated_stages import hog; hog()"
    grandchild = subprocess.Popen([sys.executable, "-c", code])
    log.info(f"grandchild {grandchild.pid}")
    grandchild.wait()


def wait_with_a_grandchild(progress: Path, log: Any) -> None:
    grandchild = subprocess.Popen(["sleep", "120"])
    (progress / "pids").write_text(f"{os.getpid()} {grandchild.pid}")
    log.info("ready")
    time.sleep(120)


DEEDS: dict[str, Callable[..., None]] = {
    "work": lambda *_: None,
    "speak": speak,
    "refuse": fail(BadInput("unit 3 holds NaN")),
    "diverge": fail(FloatingPointError("the weights are no longer finite")),
    "fill the disk": fail(OSError(28, "No space left on device", "/somewhere")),
    "ask for too much": fail(MemoryError("Unable to allocate 7 TiB")),
    "check fails": lambda *_: Check(False, "a part is missing"),
    "hog": hog,
    "hog in a grandchild": hog_in_a_grandchild,
    "be killed": lambda *_: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda *_: ctypes.string_at(0),
    "leave": lambda *_: (print("out of licences", flush=True), os._exit(3)),
    "wait": wait_with_a_grandchild,
}

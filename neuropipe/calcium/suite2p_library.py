"""suite2p, imported beside a torch without CUDA: it imports cellpose, which imports torchvision."""

import contextlib
import importlib
import io
import logging
import re
import sys
from functools import cache
from types import ModuleType

MOST_MISSING = 20  # operators of torchvision


@cache
def load_suite2p() -> ModuleType:
    """The library; what it and cellpose have to say on being imported is dropped."""
    log = logging.getLogger("cellpose")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _load_torchvision()
            return importlib.import_module("suite2p")
    finally:
        log.setLevel(level)


@cache
def _load_torchvision() -> list:
    """Import torchvision, declaring operators whose compiled half is missing; none of them is ever called here.

    A torchvision built for CUDA can't load its operators beside a torch built for the CPU, and then fails on describing
    them. The declarations that are returned must outlive the import: hence the cache.
    """
    import torch

    declared = []
    for _ in range(MOST_MISSING):
        try:
            importlib.import_module("torchvision")
            return declared
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(f"{missing[1]}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            declared.append(library)
            for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
                del sys.modules[name]
    raise ImportError(
        f"torchvision lacks more than {MOST_MISSING} of its operators; install it and torch for one device"
    )

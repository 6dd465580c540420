"""Checkpoints of interrupted fits, used to resume them with the same result."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


class Checkpoints:
    """A folder with one safetensors file per network of a fit; the file's header holds its progress as JSON.

    Files carry the fingerprint of the data and parameters of the fit; files of other fits are ignored.
    """

    def __init__(self, folder: Path, fingerprint: str):
        self.folder, self.fingerprint = Path(folder), fingerprint

    def read(self, name: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Tensors and progress of network `name`, or None if this fit has no checkpoint of it."""
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                facts = file.metadata() or {}
                if facts.get("fingerprint") != self.fingerprint:
                    return None
                return {key: file.get_tensor(key) for key in file.keys()}, json.loads(facts["progress"])  # noqa: SIM118
        except SafetensorError:  # truncated by a full disk, or not ours: train again
            return None

    def write(self, name: str, tensors: Mapping[str, torch.Tensor], progress: Mapping[str, Any]) -> None:
        """Replace the checkpoint of network `name` in one step: a kill leaves the old file or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(name)
        staged = path.with_suffix(".partial")
        facts = {"fingerprint": self.fingerprint, "progress": json.dumps(progress)}
        save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, staged, facts)
        os.replace(staged, path)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


def fingerprint(facts: Mapping[str, Any], *arrays: np.ndarray) -> str:
    """Hash of the parameters and data of a fit."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()

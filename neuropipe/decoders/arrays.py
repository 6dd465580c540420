"""Lists of dataclasses of arrays, kept as one safetensors file beside facts for JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors.numpy import load_file, save_file

Model = TypeVar("Model")
_FILE = "arrays.safetensors"


def write_arrays(folder: Path, models: Sequence[Any]) -> list[dict]:
    """Write the array attributes of each model; what is left of them, for JSON, comes back."""
    arrays, facts = {}, []
    for number, model in enumerate(models):
        attributes = vars(model)
        arrays |= {
            f"{number}.{name}": np.ascontiguousarray(value)
            for name, value in attributes.items()
            if isinstance(value, np.ndarray)
        }
        facts.append({name: value for name, value in attributes.items() if not isinstance(value, np.ndarray)})
    save_file(arrays, folder / _FILE)
    return facts


def read_arrays(folder: Path, facts: Sequence[dict], kind: type[Model]) -> list[Model]:
    """What `write_arrays` wrote, as objects of one dataclass."""
    arrays = load_file(folder / _FILE)
    models = []
    for number, fact in enumerate(facts):
        own = {name: arrays[f"{number}.{name}"] for name in kind.__dataclass_fields__ if f"{number}.{name}" in arrays}
        models.append(kind(**own, **{name: _hashable(value) for name, value in fact.items()}))
    return models


def narrowest(rows: np.ndarray) -> np.ndarray:
    """Whole numbers in the smallest unsigned integer that holds them, so that counts are kept in a byte each."""
    if rows.size and rows.min() >= 0 and rows.max() < 2**32 and (rows == np.floor(rows)).all():
        return rows.astype(np.min_scalar_type(int(rows.max())))
    return rows


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value

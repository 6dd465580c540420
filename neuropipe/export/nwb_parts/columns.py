"""Tables of pandas as tables of NWB."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.values import plain, safe_names

FEW_BYTES = 4096  # of an array that is stored as it is


def packed(values: Any) -> Any:
    """An array that HDF5 compresses (gzip, with shuffled bytes), unless it is small or text."""
    from hdmf.backends.hdf5 import H5DataIO

    values = np.asarray(values)
    if values.nbytes < FEW_BYTES or values.dtype.kind not in "biuf":
        if values.dtype.kind not in "UO":
            return values
        return values.tolist() if len(values) else np.empty(0, "S1")
    return H5DataIO(np.ascontiguousarray(values), compression="gzip", compression_opts=1, shuffle=True)


def columns(
    frame: pd.DataFrame, descriptions: Mapping[str, str], taken: frozenset[str] = frozenset(), default: str = ""
) -> list[Any]:
    """A VectorData per column. taken : names that NWB gives another meaning; such a column gets `_` after its name."""
    from hdmf.common import VectorData

    made = []
    for name, safe in zip(frame, safe_names(frame, taken), strict=True):
        described = descriptions.get(str(name), default) or f"{name}, as the recording has it"
        made.append(VectorData(name=safe, description=described, data=packed(plain(frame[name]))))
    return made


def table(name: str, description: str, frame: pd.DataFrame, descriptions: Mapping[str, str]) -> Any:
    """A DynamicTable."""
    from hdmf.common import DynamicTable

    own = columns(frame, descriptions, RESERVED)
    return DynamicTable(name=safe_name(name), description=description, columns=own, id=np.arange(len(frame)))


def safe_name(name: str, taken: frozenset[str] = frozenset()) -> str:
    """A name that HDF5 and NWB take: no slash, no colon, and none that has another meaning there."""
    return safe_names([name], taken)[0]


RESERVED = frozenset(("id", "name", "description", "columns", "colnames", "parent", "children", "data", "fields"))


def module(file: Any, name: str, description: str) -> Any:
    """A processing module of the file, made on first use."""
    if name not in file.processing:
        file.create_processing_module(name=name, description=description)
    return file.processing[name]


def clock(times: np.ndarray, rate: float | None = None) -> dict[str, Any]:
    """`starting_time` and `rate` of a TimeSeries where they give exactly these times, else `timestamps`.

    times : (time,) s; rate : Hz, by default that of the first and last time
    """
    candidates = [] if rate is None else [rate]
    if rate is None and len(times) > 1 and times[-1] > times[0]:
        mean = float((len(times) - 1) / (times[-1] - times[0]))
        candidates = [mean, round(mean, 6), 1 / max(round(1 / mean, 9), 1e-9)]
    for tried in candidates:
        if np.array_equal(times[0] + np.arange(len(times)) / tried, times):
            return {"starting_time": float(times[0]), "rate": float(tried)}
    return {"timestamps": packed(times)}

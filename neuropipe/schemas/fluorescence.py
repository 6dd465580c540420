"""Fluorescence: dF/F of ROIs, recorded as such or found in a movie."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from neuropipe.schemas.base import Schema, array, table
from neuropipe.schemas.chunks import roi_chunks


@dataclass(frozen=True, kw_only=True)
class Fluorescence(Schema):
    """dF/F with the table of its ROIs; of a movie's also where they lie, and which true cell each is.

    dff : (time, unit), NaN where an ROI was not recorded; frame_times : (time,) s; units : a row per ROI
    shifts : (time, 2) px, motion; mean_image : (y, x); roi_pixels, roi_weights : pixels of all ROIs one after another,
    ROI u owns those from roi_offsets[u] to roi_offsets[u + 1]; truth : true spikes (spike_times, spike_offsets)
    """

    units: pd.DataFrame = table("unit")
    dff: Any = array("time", "unit")
    frame_times: Any = array("time", finite=True)
    shifts: Any = array("time", "direction", optional=True)
    mean_image: Any = array("y", "x", optional=True)
    roi_pixels: Any = array("pixel", kinds="iu", optional=True)
    roi_weights: Any = array("pixel", optional=True)
    roi_offsets: Any = array("unit_edge", kinds="iu", optional=True)
    truth: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, artifact: Any) -> Self:
        found = super().read(artifact)
        every = {name: getattr(found, name) for name in cls.specs()}
        return cls(**every, truth=dict(artifact.arrays_in("truth")), facts=found.facts)

    def write(self, draft: Any) -> None:
        super().write(draft)
        for name, values in self.truth.items():
            values = np.asarray(values)
            draft.array(f"truth/{name}", values, dims=tuple(f"{name}_{axis}" for axis in range(values.ndim)))

    def chunks(self, name: str) -> tuple[int, ...] | None:
        return roi_chunks(self.dff.shape) if name == "dff" else None

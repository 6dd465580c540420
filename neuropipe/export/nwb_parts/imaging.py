"""Fluorescence of ROIs and the events that were found in it, in the module `ophys`."""

from typing import Any

import numpy as np
import pandas as pd

from neuropipe.export.content import Made, SessionContent
from neuropipe.export.nwb_parts.columns import RESERVED, clock, columns, module, packed

UNKNOWN = "not known"
TAKEN = RESERVED | {"image_mask", "pixel_mask", "voxel_mask", "pixel_mask_index", "voxel_mask_index"}


def add_imaging(file: Any, session: SessionContent) -> None:
    """dF/F as a RoiResponseSeries, and each deconvolver's events beside it."""
    from pynwb.ophys import DfOverF, Fluorescence

    found = session.assets.get("fluorescence")
    source = found.content if found is not None else session.recording
    if getattr(source, "dff", None) is None:
        return
    ophys = module(file, "ophys", "Fluorescence of ROIs, and events found in it.")
    plane = _plane(file, source)
    segmentation = _segmentation(plane)
    ophys.add(segmentation)
    frame_times = source.frame_times[:]
    dff = DfOverF(name="DfOverF")
    ophys.add(dff)
    described = "dF/F (time, roi); NaN where an ROI was not recorded."
    dff.add_roi_response_series(_series("RoiResponseSeries", described, source.dff[:], "dF/F", plane, frame_times))
    events = session.group("events")
    if events:
        held = Fluorescence(name="events")
        ophys.add(held)
        for name, made in events.items():
            held.add_roi_response_series(_events(name, made, plane))


def _series(name: str, description: str, values: np.ndarray, unit: str, plane: Any, times: np.ndarray) -> Any:
    from pynwb.ophys import RoiResponseSeries

    rois = plane.create_roi_table_region(description="all ROIs", region=list(range(len(plane))))
    when = clock(times)
    return RoiResponseSeries(name=name, description=description, data=packed(values), unit=unit, rois=rois, **when)


def _events(name: str, made: Made, plane: Any) -> Any:
    events = made.content
    described = f"Events (time, roi) that {events.method} found; one counts {events.units}."
    return _series(name, described, events.events[:], events.units, plane, events.frame_times[:])


def _segmentation(plane: Any) -> Any:
    from pynwb.ophys import ImageSegmentation

    return ImageSegmentation(name="ImageSegmentation", plane_segmentations=[plane])


def _plane(file: Any, source: Any) -> Any:
    """A row per ROI; with the pixels of each where they are known."""
    from hdmf.common import VectorIndex
    from pynwb.ophys import OpticalChannel, PlaneSegmentation

    device = file.create_device(name="microscope", description=f"The microscope is {UNKNOWN}.")
    channel = OpticalChannel(name="channel", description=f"The channel is {UNKNOWN}.", emission_lambda=float("nan"))
    imaged = file.create_imaging_plane(
        name="imaging_plane",
        description=f"The imaging plane is {UNKNOWN}.",
        optical_channel=channel,
        device=device,
        excitation_lambda=float("nan"),
        indicator=UNKNOWN,
        location=UNKNOWN,
    )
    units: pd.DataFrame = source.units
    made = columns(units, {}, TAKEN)
    described, masks, stops = _pixels(source)
    made += [masks, VectorIndex(name="pixel_mask_index", data=stops, target=masks)]
    return PlaneSegmentation(
        name="PlaneSegmentation", description=described, imaging_plane=imaged, columns=made, id=np.arange(len(units))
    )


def _pixels(source: Any) -> tuple[str, Any, np.ndarray]:
    """What is known of where ROIs lie, their pixels one ROI after another, and where those of each end."""
    from hdmf.common import VectorData

    kinds = [("x", "u4"), ("y", "u4"), ("weight", "f4")]
    if getattr(source, "roi_pixels", None) is None:
        n_rois = len(source.units)
        none = VectorData(name="pixel_mask", description="no pixel is known", data=np.zeros(n_rois, kinds))
        return "ROIs. Where they lie is not known: each mask is one pixel of weight 0.", none, np.arange(1, n_rois + 1)
    height, width = source.mean_image.shape
    mask = np.empty(source.roi_pixels.shape[0], kinds)
    mask["y"], mask["x"] = np.divmod(source.roi_pixels[:].astype(np.int64), width)
    mask["weight"] = source.roi_weights[:]
    pixels = VectorData(name="pixel_mask", description=f"pixels of each ROI, of {height} x {width}", data=mask)
    return "ROIs and their pixels.", pixels, np.asarray(source.roi_offsets[:][1:], np.int64)

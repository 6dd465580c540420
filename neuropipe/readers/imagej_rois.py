"""Reads outlines drawn in ImageJ: a zip archive of .roi files, as its ROI manager saves them.

The format is that of ImageJ's RoiDecoder: a header of 64 bytes, big-endian, then the corners of the outline. Integer
coordinates are corners of pixels; a pixel belongs to an ROI if its centre lies inside.
"""

import re
import struct
from pathlib import Path

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.errors import BadInput
from neuropipe.readers.archives import member_names, read_member

MAGIC, HEADER_BYTES = b"Iout", 64
MOST_BYTES = 1 << 20  # an outline of 32,767 corners with subpixel coordinates takes 0.4 MB
MOST_ROIS = 20_000
KINDS = {
    0: "polygon", 1: "rectangle", 2: "oval", 3: "line", 4: "freehand line", 5: "polyline", 6: "no outline",
    7: "freehand", 8: "traced", 9: "angle", 10: "points",
}  # fmt: skip
OUTLINES = {"polygon", "freehand", "traced"}
SUBPIXEL = 128  # bit of the options
ELLIPSE, ROTATED_RECTANGLE = 3, 5  # subtypes of freehand


def read_rois(archive: Path, name: str, shape: tuple[int, int]) -> tuple[Footprints, list[str]]:
    """The areas of all .roi files of a zip archive and their names, in the order of the archive.

    name : what errors call the archive; shape : (height, width) of the field of view, px. Every pixel of an area has
    weight 1; what lies outside the field of view is cut off.
    """
    members = [member for member in member_names(archive) if member.lower().endswith(".roi")]
    if not members:
        raise BadInput(f"{name} holds no .roi file; save the outlines in ImageJ's ROI manager with More > Save")
    if len(members) > MOST_ROIS:
        raise BadInput(f"{name} holds {len(members):,} .roi files; at most {MOST_ROIS:,} are read")
    pixels = []
    for member in members:
        where = f"{name}: {member}"
        y, x = np.nonzero(mask_of(read_member(archive, member, max_bytes=MOST_BYTES), shape, where))
        if len(y) == 0:
            raise BadInput(f"{where} covers no pixel of a field of view of {shape[0]} x {shape[1]} px (height x width)")
        pixels.append(y * shape[1] + x)
    offsets = np.cumsum([0, *map(len, pixels)]).astype(np.int64)
    flat = np.concatenate(pixels).astype(np.int32)
    footprints = Footprints(flat, np.ones(len(flat), np.float32), offsets, shape)
    return footprints, [re.sub(r"(?i)\.roi$", "", member) for member in members]


def mask_of(content: bytes, shape: tuple[int, int], where: str) -> np.ndarray:
    """(y, x) bool, the pixels of the area that a .roi file describes; `where` names it in errors."""
    if len(content) < HEADER_BYTES or not content.startswith(MAGIC):
        raise BadInput(f"{where} is no ImageJ .roi file, or it is cut short ({len(content)} bytes)")
    kind = KINDS.get(content[6], f"type {content[6]}")
    top, left, bottom, right, n_corners = struct.unpack(">4hH", content[8:18])
    (composite,) = struct.unpack(">i", content[36:40])
    subtype, options = struct.unpack(">2H", content[48:52])
    if composite > 0 or (kind == "freehand" and subtype in (ELLIPSE, ROTATED_RECTANGLE)):
        kind = "composite" if composite > 0 else "rotated ellipse or rectangle"
    elif kind in OUTLINES:
        return _inside(_corners(content, left, top, n_corners, bool(options & SUBPIXEL), where), shape)
    elif kind in ("rectangle", "oval"):
        if bottom <= top or right <= left:
            raise BadInput(f"{where} is a {kind} from ({left}, {top}) to ({right}, {bottom}); it holds no area")
        y, x = np.ogrid[: shape[0], : shape[1]]
        across = (x + 0.5 - (left + right) / 2) / ((right - left) / 2)
        down = (y + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
        return (np.maximum(abs(across), abs(down)) if kind == "rectangle" else np.hypot(across, down)) <= 1
    raise BadInput(f"{where} is of kind {kind}; expected a polygon, freehand, traced, rectangular or oval area")


def _corners(content: bytes, left: int, top: int, n_corners: int, subpixel: bool, where: str) -> np.ndarray:
    """(corner, 2) float64 x and y, px."""
    end = HEADER_BYTES + n_corners * (12 if subpixel else 4)
    if n_corners < 3 or len(content) < end:
        raise BadInput(
            f"{where} declares {n_corners} corners, which end at byte {end:,}, and holds {len(content):,} bytes; "
            "expected three corners or more, all of them in the file"
        )
    if subpixel:  # whole numbers come first, then the exact places
        x, y = np.frombuffer(content, ">f4", 2 * n_corners, HEADER_BYTES + 4 * n_corners).reshape(2, n_corners)
    else:
        x, y = np.frombuffer(content, ">i2", 2 * n_corners, HEADER_BYTES).reshape(2, n_corners)
        x, y = x.astype(np.float64) + left, y.astype(np.float64) + top
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise BadInput(f"{where} has a corner that is not finite")
    return np.column_stack([x, y]).astype(np.float64)


def _inside(corners: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(y, x) bool, pixels whose centre lies inside a closed polygon (even-odd rule)."""
    mask = np.zeros(shape, bool)
    (x, y), (next_x, next_y) = corners.T, np.roll(corners, -1, axis=0).T
    centres = np.arange(shape[1]) + 0.5
    first, last = (int(np.clip(edge, 0, shape[0])) for edge in (np.floor(y.min()), np.ceil(y.max())))
    for row in range(first, last):
        height = row + 0.5
        crossed = (y <= height) != (next_y <= height)
        share = (height - y[crossed]) / (next_y[crossed] - y[crossed])
        crossings = np.sort(x[crossed] + share * (next_x[crossed] - x[crossed]))
        mask[row] = np.searchsorted(crossings, centres) % 2 == 1
    return mask

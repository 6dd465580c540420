"""Outlines drawn in ImageJ: their pixels, equal to those of a second reader of the format, and what is refused."""

import contextlib
import struct
import zipfile

import numpy as np
import pytest
import roifile

from neuropipe import readers
from neuropipe.errors import BadInput
from neuropipe.readers.imagej_rois import mask_of, read_rois
from tests.readers.formats import N_FRAMES, tif

SHAPE = (12, 15)
SQUARE = np.array([[2, 3], [6, 3], [6, 8], [2, 8]])  # x, y
STAR = np.array([[1, 1], [11, 4], [2, 9], [6, 0], [9, 10]])  # its outline crosses itself


def roi(points=SQUARE, **changed) -> bytes:
    made = roifile.ImagejRoi.frompoints(points)
    for name, value in changed.items():
        setattr(made, name, value)
    return made.tobytes()


def archive(folder, **members: bytes):
    path = folder / "cells.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/"), content)
    return path


def inside(corners, shape=SHAPE):
    """Pixels whose centre lies in a polygon, as matplotlib finds them."""
    from matplotlib.path import Path

    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.column_stack([x.ravel() + 0.5, y.ravel() + 0.5])
    return Path([*corners, corners[0]], closed=True).contains_points(centres).reshape(shape)


class TestPixels:
    def test_of_a_square_are_those_between_its_corners(self):
        mask = mask_of(roi(), SHAPE, "x")
        assert np.argwhere(mask).tolist() == [[y, x] for y in range(3, 8) for x in range(2, 6)]

    @pytest.mark.parametrize("kind", ["POLYGON", "FREEHAND", "TRACED"])
    def test_of_an_outline_have_their_centre_inside(self, kind):
        rng = np.random.default_rng(0)
        for _ in range(20):
            angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
            corners = 6 + rng.uniform(2, 7, (9, 1)) * np.column_stack([np.cos(angles), np.sin(angles)])
            corners = corners.astype(np.float32)  # on no centre of a pixel, where inside is a matter of taste
            mask = mask_of(roi(corners, roitype=roifile.ROI_TYPE[kind]), SHAPE, "x")
            np.testing.assert_array_equal(mask, inside(corners))

    def test_of_exact_corners_between_pixels(self):
        corners = np.array([[2.2, 3.4], [9.7, 1.1], [8.6, 9.6]])
        np.testing.assert_array_equal(mask_of(roi(corners.astype(np.float32)), SHAPE, "x"), inside(corners))

    def test_of_an_outline_that_crosses_itself_follow_the_even_odd_rule(self):
        mask = mask_of(roi(STAR), SHAPE, "x")
        assert mask.any()
        assert not mask[4, 6]  # enclosed twice

    def test_of_rectangles_and_ovals(self):
        box = {"left": 2, "top": 1, "right": 12, "bottom": 9, "n_coordinates": 0}
        rectangle = mask_of(roi(roitype=roifile.ROI_TYPE.RECT, **box), SHAPE, "x")
        assert np.argwhere(rectangle).min(axis=0).tolist() == [1, 2]
        assert rectangle.sum() == 8 * 10
        oval = mask_of(roi(roitype=roifile.ROI_TYPE.OVAL, **box), SHAPE, "x")
        assert not (oval & ~rectangle).any()
        assert oval.sum() == pytest.approx(np.pi * 4 * 5, rel=0.05)

    def test_outside_of_the_field_of_view_are_cut_off(self):
        mask = mask_of(roi(SQUARE + np.array([11, -5])), SHAPE, "x")
        assert np.argwhere(mask).tolist() == [[y, x] for y in range(3) for x in range(13, 15)]


class TestArchive:
    def test_gives_footprints_in_its_order(self, tmp_path):
        path = archive(tmp_path, **{"02.roi": roi(), "folder__01.ROI": roi(SQUARE + 1), "notes.txt": b"drawn by hand"})
        footprints, names = read_rois(path, "cells.zip", SHAPE)
        assert names == ["02", "folder/01"]
        assert footprints.images().sum(axis=(1, 2)).tolist() == [20, 20]
        assert footprints.centres().tolist() == [[5, 3.5], [6, 4.5]]
        assert (footprints.pixels.dtype, footprints.weights.dtype, footprints.offsets.dtype) == ("i4", "f4", "i8")

    @pytest.mark.parametrize(
        ("members", "sentence"),
        [
            ({"notes.txt": b""}, "cells.zip holds no .roi file"),
            ({"..__01.roi": roi()}, "a name that leaves its folder"),
            ({"01.roi": bytes(2 << 20)}, "01.roi of .* would unpack to 2,097,152 bytes"),
            ({"01.roi": b""}, r"cells.zip: 01.roi is no ImageJ .roi file, or it is cut short \(0 bytes\)"),
            ({"01.roi": b"X" + roi()[1:]}, "01.roi is no ImageJ .roi file"),
            ({"01.roi": roi(SQUARE + 100)}, r"01.roi covers no pixel of a field of view of 12 x 15 px"),
        ],
    )
    def test_refusals(self, members, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read_rois(archive(tmp_path, **members), "cells.zip", SHAPE)


class TestRefusals:
    def test_a_file_that_is_cut_anywhere(self):
        content = roi()
        for length in range(64 + 4 * len(SQUARE)):
            with pytest.raises(BadInput, match=r"01.roi (is no ImageJ|declares 4 corners, which end at byte 80)"):
                mask_of(content[:length], SHAPE, "01.roi")

    def test_more_corners_than_there_are(self):
        content = bytearray(roi())
        content[16:18] = struct.pack(">H", 65_535)
        with pytest.raises(BadInput, match=r"declares 65535 corners, which end at byte 262,204, and holds \d+ bytes"):
            mask_of(bytes(content), SHAPE, "x")

    def test_too_few_corners(self):
        with pytest.raises(BadInput, match="declares 2 corners"):
            mask_of(roi(SQUARE[:2]), SHAPE, "x")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_corners_that_are_not_finite(self, value):
        content = bytearray(roi(SQUARE.astype(np.float32) + 0.5))
        content[64 + 16 : 64 + 20] = struct.pack(">f", value)
        with pytest.raises(BadInput, match="has a corner that is not finite"):
            mask_of(bytes(content), SHAPE, "x")

    @pytest.mark.parametrize("kind", ["LINE", "FREELINE", "POLYLINE", "NOROI", "ANGLE", "POINT"])
    def test_what_has_no_area(self, kind):
        with pytest.raises(BadInput, match=r"x is of kind .*; expected a polygon, freehand, traced, rectangular or"):
            mask_of(roi(roitype=roifile.ROI_TYPE[kind]), SHAPE, "x")

    def test_a_composite_of_several_areas(self):
        content = bytearray(roi())
        content[36:40] = struct.pack(">i", 100)
        with pytest.raises(BadInput, match="x is of kind composite"):
            mask_of(bytes(content), SHAPE, "x")

    def test_random_bytes_behind_a_header(self):
        rng = np.random.default_rng(1)
        for _ in range(300):
            content = bytearray(roi())
            content[5 + rng.integers(60)] = rng.integers(256)
            with contextlib.suppress(BadInput):
                assert mask_of(bytes(content), SHAPE, "x").shape == SHAPE


def test_outlines_beside_a_movie_become_its_known_cells(tmp_path):
    corners = np.array([[1, 1], [5, 1], [5, 4], [1, 4]])
    files = {"movie.tif": tif(tmp_path), "cells.zip": archive(tmp_path, **{"01.roi": roi(corners)})}
    found = readers.get("tif").load()(files, frame_rate=10.0)
    assert found.movie.frames.shape == (N_FRAMES, 6, 7)
    assert found.truth["footprint_pixels"].tolist() == [7 * y + x for y in (1, 2, 3) for x in (1, 2, 3, 4)]
    assert found.truth["footprint_offsets"].tolist() == [0, 12]
    assert (found.truth["footprint_weights"] == 1).all()
    files["more.zip"] = files["cells.zip"]
    with pytest.raises(BadInput, match=r"expected one file, one .zip of ImageJ .roi files, found 2: cells.zip, more"):
        readers.get("tif").load()(files, frame_rate=10.0)

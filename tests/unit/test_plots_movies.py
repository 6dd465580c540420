"""Plots of movies show what they say: outlines where ROIs lie, and shifts beside the true ones."""

import numpy as np

from neuropipe.calcium.footprints import Footprints
from neuropipe.plots import movies

SHAPE = (40, 50)


def discs(*centres, radius=5.0):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = [np.flatnonzero(np.hypot(y - cy, x - cx) <= radius) for cy, cx in centres]
    everything = np.concatenate(pixels).astype(np.int32)
    return Footprints(everything, np.ones(len(everything), np.float32), np.cumsum([0, *map(len, pixels)]), SHAPE)


def spans(axes):
    """(left, right, top, bottom) of each outline, px."""
    corners = [np.vstack(line.get_paths()[0].vertices) for line in axes.collections]
    return [(xy[:, 0].min(), xy[:, 0].max(), xy[:, 1].min(), xy[:, 1].max()) for xy in corners]


def test_outlines_lie_where_the_rois_do_and_tell_what_was_found():
    found, true = discs((10, 12), (30, 40)), discs((10, 12), (20, 30))
    figure = movies.rois(np.random.default_rng(0).random(SHAPE), found, true, np.array([0, -1]))
    left, right = figure.axes
    assert left.get_title() == "2 found ROIs (dashed: 1 that are no true cell)"
    assert right.get_title() == "2 true cells (dashed: 1 that were not found)"
    np.testing.assert_allclose(spans(left), [(7, 17, 5, 15), (35, 45, 25, 35)], atol=1)
    np.testing.assert_allclose(spans(right), [(7, 17, 5, 15), (25, 35, 15, 25)], atol=1)


def test_without_truth_there_is_one_panel():
    figure = movies.rois(np.random.default_rng(0).random(SHAPE), discs((10, 12)))
    assert [axes.get_title() for axes in figure.axes] == ["1 found ROIs"]


def test_shifts_and_their_error():
    times = np.arange(5000) / 20
    true = np.stack([np.sin(times), np.cos(times)], axis=1)
    figure = movies.shifts(times, true + np.array([0.5, -0.25]), true)
    assert [axes.get_ylabel() for axes in figure.axes] == ["shift in y (px)", "shift in x (px)", "found − true (px)"]
    for line, error in zip(figure.axes[2].lines, (0.5, -0.25), strict=True):
        assert len(line.get_xdata()) <= movies.MOST_DRAWN
        np.testing.assert_allclose(line.get_ydata(), error)
    assert len(movies.shifts(times, true).axes) == 2

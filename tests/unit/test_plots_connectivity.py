"""What plots of connectivity show is what they were given."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.plots import connectivity as plots
from neuropipe.plots.connectivity_reliability import reliability
from neuropipe.schemas import Connectivity


def axes_of(figure):
    return [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]


@pytest.fixture
def weights():
    drawn = np.random.default_rng(0).normal(size=(6, 6))
    np.fill_diagonal(drawn, 0)
    return drawn


class TestMatrix:
    def test_units_are_in_order_of_area_and_module(self, weights):
        areas, module = np.array(list("BABABA")), np.array([1, 0, 0, 1, 1, 0])
        figure = plots.matrix(weights, areas=areas, module=module, estimated=np.arange(6) != 5)
        (axes,) = axes_of(figure)
        order = [1, 3, 2, 0, 4]
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), weights[np.ix_(order, order)])
        assert [text.get_text() for text in axes.get_xticklabels()] == ["A", "B"]
        assert axes.get_title(loc="left") == "5 units, 1 left out"

    def test_colours_of_signed_weights_have_white_at_0(self, weights):
        (image,) = axes_of(plots.matrix(weights))[0].get_images()
        assert image.get_clim()[0] == -image.get_clim()[1]
        (image,) = axes_of(plots.matrix(np.abs(weights)))[0].get_images()
        assert image.get_clim()[0] == 0


class TestGraph:
    def arrows(self, axes):
        return [text for text in axes.texts if getattr(text, "arrow_patch", None) is not None]

    def test_an_arrow_per_connection_in_the_colour_of_its_sign(self, weights):
        found = np.zeros((6, 6), bool)
        found[[0, 2, 4], [1, 3, 0]] = True
        (axes,) = axes_of(plots.graph(weights, found, threshold="p < 0.001"))
        arrows = self.arrows(axes)
        assert len(arrows) == 3
        assert axes.get_title(loc="left") == "strongest 3 of 3 connections (p < 0.001)"
        strongest = np.argmax(np.where(found, np.abs(weights), 0))
        expected = plots.EXCITES if weights.flat[strongest] > 0 else plots.INHIBITS
        assert arrows[-1].arrowprops["color"] == expected  # the strongest is drawn last, on top

    def test_one_line_stands_for_both_directions(self, weights):
        same = weights + weights.T
        (axes,) = axes_of(plots.graph(same, ~np.eye(6, dtype=bool)))
        arrows = self.arrows(axes)
        assert len(arrows) == 15
        assert {arrow.arrowprops["arrowstyle"] for arrow in arrows} == {"-"}

    def test_without_connections_it_says_so(self, weights):
        (axes,) = axes_of(plots.graph(weights, np.zeros((6, 6), bool)))
        assert axes.get_title(loc="left") == "strongest 0 of 0 connections"


def test_share_connected_by_distance():
    positions = np.arange(40.0)[:, None]
    apart = np.abs(positions - positions.T)
    found = (apart > 0) & (apart < 10)
    near_first, _ = axes_of(plots.distance(found * 1.0, positions, found, n_bins=4))
    heights = [bar[0].get_ydata()[0] for bar in near_first.containers]
    assert heights[0] == 1
    assert heights[-1] == 0


def test_areas_show_found_of_possible():
    table = pd.DataFrame(
        {
            "source_area": ["A", "A", "B", "B"],
            "target_area": ["A", "B", "A", "B"],
            "possible": [2, 6, 6, 6],
            "found": [1, 3, 0, 1],
            "fraction": [0.5, 0.5, 0.0, 1 / 6],
            "p_value": [0.5, 0.01, 0.2, 1.0],
        }
    )
    (axes,) = axes_of(plots.regions(table))
    assert [text.get_text() for text in axes.texts] == ["1/2", "3/6*", "0/6", "1/6"]


def test_truth_has_the_average_precision_of_scikit_learn(weights):
    truth = np.where(np.abs(weights) > 1, weights, 0)
    scatter, curve = axes_of(plots.true_and_estimated(weights, truth))
    assert curve.get_legend().get_texts()[0].get_text() == "average precision 1.000"
    assert sum(len(line.get_xdata()) for line in scatter.get_lines()[:3]) == 30


def test_reliability_has_the_null_beside_it():
    table = pd.DataFrame(
        [
            ("split_half", 0.6, 0.5, 0.7, 90),
            ("null_split_half", 0.1, 0.0, 0.2, 90),
            ("bin_width_double", np.nan, np.nan, np.nan, 0),
            ("above_null", 0.2, 0.1, 0.3, 90),
        ],
        columns=["measure", "value", "ci_low", "ci_high", "n"],
    )
    correlations, share = axes_of(reliability(table))
    assert [text.get_text() for text in correlations.get_yticklabels()] == ["halves, |weight|"]
    marked = {line.get_label(): line.get_xdata()[0] for line in correlations.get_lines()}
    assert marked["without fast interactions"] == 0.1
    assert share.get_xlabel() == "share of pairs"


def test_methods_agree_in_numbers():
    table = pd.DataFrame([[1, 0.25], [0.25, 1]], index=["a", "b"], columns=["a", "b"])
    (axes,) = axes_of(plots.agreement(table))
    assert [text.get_text() for text in axes.texts] == ["1.00", "0.25", "0.25", "1.00"]


def test_an_estimate_has_the_plots_that_its_units_bear(weights):
    units = pd.DataFrame({"brain_area": list("AABBCC"), "left_out": [""] * 6})
    made = Connectivity(weights=weights, units=units, method="granger")
    assert list(plots.of_connectivity(made)) == ["connectivity_matrix", "connectivity_graph"]
    placed = Connectivity(weights=weights, units=units.assign(x=range(6), y=range(6)), method="granger")
    assert "connectivity_distance" in plots.of_connectivity(placed)

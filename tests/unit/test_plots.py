"""What the plots show is what they were given."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from neuropipe.errors import BadInput
from neuropipe.evaluation import families
from neuropipe.plots import save
from neuropipe.plots.continuous import activity_and_behaviour
from neuropipe.plots.leaderboard import pictures, ranking
from neuropipe.plots.scores import confusion_matrix, score_with_baselines
from neuropipe.plots.style import WIDTH
from neuropipe.plots.trials import most_selective_unit, raster_and_psth

CLASSIFICATION = families.get("classification")
ACCURACY = CLASSIFICATION.metric("accuracy")
N_TRIALS, N_BINS, N_UNITS = 40, 20, 12
BIN_WIDTH, START = 0.05, -0.5


def session() -> tuple[np.ndarray, np.ndarray]:
    """Unit u peaks in bin u + 4 (of 20); unit 5 fires far more when the label is 'left'; unit 11 is silent."""
    generator = np.random.default_rng(0)
    labels = np.array(["left", "right"] * (N_TRIALS // 2))[generator.permutation(N_TRIALS)]
    rates = np.full((N_BINS, N_UNITS), 0.2)
    rates[np.arange(N_UNITS) + 4, np.arange(N_UNITS)] = 6.0
    rates[:, 11] = 0
    counts = generator.poisson(rates, (N_TRIALS, N_BINS, N_UNITS))
    counts[labels == "left", :, 5] += 3
    return counts.astype(np.uint8), labels


def drawn(**changed):
    counts, labels = session()
    given = {"counts": counts, "labels": labels, "classes": ["left", "right"], "event": "response", "label": "choice"}
    figure = raster_and_psth(**given | {"bin_width": BIN_WIDTH, "window_start": START} | changed)
    axes = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    return counts, labels, axes


class TestRasterAndPsth:
    def test_population_psth_is_the_mean_rate_by_class_in_hz(self):
        counts, labels, (_, population, _) = drawn()
        lines = {line.get_label(): line for line in population.get_lines() if "n =" in line.get_label()}
        assert list(lines) == ["left (n = 20)", "right (n = 20)"]
        for name, line in lines.items():
            trials = counts[labels == name.split()[0]].mean(axis=2) / BIN_WIDTH
            np.testing.assert_allclose(line.get_ydata(), trials.mean(axis=0))
            np.testing.assert_allclose(line.get_xdata(), START + BIN_WIDTH * (np.arange(N_BINS) + 0.5))

    def test_bands_are_one_standard_error(self):
        counts, labels, (_, population, _) = drawn()
        trials = counts[labels == "left"].mean(axis=2) / BIN_WIDTH
        error = trials.std(axis=0, ddof=1) / np.sqrt(len(trials))
        band = population.collections[0].get_paths()[0].get_extents()
        assert band.y0 == pytest.approx((trials.mean(axis=0) - error).min())
        assert band.y1 == pytest.approx((trials.mean(axis=0) + error).max())

    def test_axes_are_in_seconds_from_the_event_and_hz(self):
        _, _, (units, population, best) = drawn()
        for axes in (units, best):
            assert axes.get_xlabel() == "time from response (s)"
            assert axes.get_xlim() == pytest.approx((START, START + N_BINS * BIN_WIDTH))
        assert population.get_ylabel() == best.get_ylabel() == "rate (Hz)"
        assert population.get_legend().get_title().get_text() == "choice"

    def test_map_has_units_in_order_of_peak_and_leaves_the_silent_one_out(self):
        _, _, (units, _, _) = drawn()
        (image,) = units.get_images()
        scores = np.asarray(image.get_array())
        assert scores.shape == (N_UNITS - 1, N_BINS)
        np.testing.assert_allclose(scores.mean(axis=1), 0, atol=1e-9)
        np.testing.assert_allclose(scores.std(axis=1), 1)
        assert np.abs(scores.argmax(axis=1) - (np.arange(N_UNITS - 1) + 4)).max() <= 1
        assert units.get_title(loc="left") == "11 units (1 near silent left out)"

    def test_noise_shows_no_diagonal(self):
        counts = np.random.default_rng(1).poisson(1.0, (60, 40, 300))
        _, _, (units, _, _) = drawn(counts=counts, labels=np.array(["left", "right"] * 30))
        peaks = np.asarray(units.get_images()[0].get_array()).argmax(axis=1)
        assert abs(np.corrcoef(np.arange(len(peaks)), peaks)[0, 1]) < 0.2

    def test_the_example_unit_is_the_one_with_the_largest_f(self):
        counts, labels, (_, _, best) = drawn()
        totals = counts.sum(axis=1)
        statistic = f_oneway(totals[labels == "left", :11], totals[labels == "right", :11]).statistic
        assert most_selective_unit(counts, labels) == int(np.argmax(statistic)) == 5
        assert best.get_title(loc="left") == "unit 5, which differs most by choice"

    def test_of_many_classes_the_commonest_are_drawn(self):
        labels = np.repeat(np.arange(12), [1, 1, 1, 1, 4, 4, 4, 4, 5, 5, 5, 5])
        _, _, (_, population, _) = drawn(labels=labels, classes=list(range(12)), label="image")
        assert len(population.get_legend().get_texts()) == 8
        assert population.get_legend().get_title().get_text() == "image: 8 commonest of 12"

    def test_a_window_of_one_bin_draws_without_a_map(self):
        counts, _ = session()
        _, _, (units, population, _) = drawn(counts=counts[:, :1])
        assert not units.get_images()
        assert units.texts[0].get_text().startswith("no unit's rate changes")
        assert len(population.get_lines()[0].get_ydata()) == 1

    def test_a_window_that_leaves_the_event_out_keeps_its_limits(self):
        _, _, (units, population, _) = drawn(window_start=0.3)
        assert units.get_xlim() == population.get_xlim() == pytest.approx((0.3, 1.3))

    def test_labels_of_another_length_are_refused(self):
        with pytest.raises(BadInput, match="one label per trial"):
            drawn(labels=np.array(["left"]))


def drawn_scores(table, **options):
    return score_with_baselines(
        table, "accuracy", CLASSIFICATION.baselines, label=ACCURACY.axis_label, bounds=(0, 1), **options
    )


def evaluation() -> pd.DataFrame:
    rows = [
        ("blocked", "accuracy", 0.70, 0.6, 0.8, 0.02),
        ("shuffled", "accuracy", 0.90, 0.85, 0.95, 0.0005),
        ("rolled", "accuracy", 0.80, np.nan, np.nan, np.nan),
        ("blocked", "accuracy_majority", 0.41, np.nan, np.nan, np.nan),
        ("shuffled", "accuracy_majority", 0.42, np.nan, np.nan, np.nan),
        ("blocked", "accuracy_previous", 0.30, np.nan, np.nan, np.nan),
        ("blocked", "log_loss", 0.05, 0.01, 0.1, np.nan),
    ]
    return pd.DataFrame(rows, columns=["scheme", "metric", "value", "ci_low", "ci_high", "p_value"]).assign(n=228)


class TestScoreWithBaselines:
    def setup_method(self):
        (self.axes,) = drawn_scores(evaluation(), chance=0.33).axes
        self.lines = {line.get_label(): line for line in self.axes.get_lines()}

    def test_schemes_stand_in_the_order_of_the_table_from_the_top(self):
        assert [text.get_text() for text in self.axes.get_yticklabels()] == ["rolled", "shuffled", "blocked"]

    def test_differences_to_baselines_are_not_drawn_as_baselines(self):
        assert not [label for label in self.lines if "over" in label]

    def test_points_and_intervals(self):
        (container,) = self.axes.containers
        points, _, (bars,) = container.lines
        assert points.get_xdata().tolist() == [0.80, 0.90, 0.70]
        ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
        np.testing.assert_allclose(ends, [[0.8, 0.8], [0.85, 0.95], [0.6, 0.8]])

    def test_baselines_stand_in_the_row_of_their_scheme(self):
        majority, previous = self.lines["majority class"], self.lines["previous label"]
        assert list(zip(majority.get_ydata(), majority.get_xdata(), strict=True)) == [(2, 0.41), (1, 0.42)]
        assert (previous.get_ydata().tolist(), previous.get_xdata().tolist()) == ([2], [0.30])
        assert list(self.lines["chance (0.33)"].get_xdata()) == [0.33, 0.33]

    def test_the_axis_reaches_from_below_all_accuracies_to_one(self):
        assert self.axes.get_xlim() == pytest.approx((0.25, 1.0))
        assert self.axes.get_xlabel() == "accuracy (fraction of trials)"

    def test_p_values_are_written_out(self):
        assert [text.get_text() for text in self.axes.texts] == ["0.800", "0.900\np < 0.001", "0.700\np = 0.020"]

    def test_an_evaluation_without_accuracy_is_refused(self):
        with pytest.raises(BadInput, match="no metric 'accuracy'; it has log_loss"):
            drawn_scores(evaluation().query("metric == 'log_loss'"))


class TestConfusionMatrix:
    def test_rows_are_fractions_with_numbers_of_trials(self):
        axes = confusion_matrix([[8, 2], [5, 15]], ["left", "right"]).axes[0]
        np.testing.assert_allclose(axes.get_images()[0].get_array(), [[0.8, 0.2], [0.25, 0.75]])
        assert [text.get_text() for text in axes.texts] == ["0.80\n(8)", "0.20\n(2)", "0.25\n(5)", "0.75\n(15)"]
        assert [text.get_text() for text in axes.get_yticklabels()] == ["left\nn = 10", "right\nn = 20"]
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("decoded", "true")

    def test_a_class_that_never_occurs_is_an_empty_row(self):
        axes = confusion_matrix([[0, 0], [1, 3]], [0, 1]).axes[0]
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), [[0, 0], [0.25, 0.75]])

    def test_many_classes_fit_on_the_page(self):
        figure = confusion_matrix(np.eye(118), range(118))
        assert figure.get_size_inches()[0] <= WIDTH
        assert len(figure.axes[0].get_xticks()) <= 12
        assert not figure.axes[0].texts

    def test_another_shape_is_refused(self):
        with pytest.raises(BadInput, match=r"found shape \(2, 3\)"):
            confusion_matrix(np.ones((2, 3)), [0, 1])


def scored() -> pd.DataFrame:
    rows = [
        ("one", "logistic_regression", "default", "blocked", 0.80, 0.75, 0.85),
        ("one", "logistic_regression", "default", "shuffled", 0.85, 0.80, 0.90),
        ("one", "leaky", "default", "blocked", 0.60, 0.55, 0.65),
        ("one", "leaky", "default", "shuffled", 0.99, 0.98, 1.00),
        ("one", "logistic_regression", "c=1", "blocked", 0.82, 0.77, 0.87),
        ("one", "failed", "default", None, np.nan, np.nan, np.nan),
        ("two", "leaky", "default", "blocked", 0.50, 0.45, 0.55),
    ]
    return pd.DataFrame(rows, columns=["session", "model", "variant", "scheme", "score", "ci_low", "ci_high"])


class TestRanking:
    def setup_method(self):
        self.one, self.two = ranking(scored().assign(majority=0.41), ACCURACY, CLASSIFICATION.baselines).axes

    def test_models_are_ranked_by_their_hardest_scheme(self):
        names = [text.get_text() for text in self.one.get_yticklabels()]
        assert names == ["failed", "leaky", "logistic_regression", "logistic_regression [c=1]"]

    def test_one_panel_a_session(self):
        assert [axes.get_title(loc="left") for axes in (self.one, self.two)] == ["one", "two"]
        assert [text.get_text() for text in self.two.get_yticklabels()] == ["leaky"]

    def test_points_stand_by_their_model(self):
        blocked = next(container for container in self.one.containers if container.get_label() == "blocked")
        rows = np.round(blocked.lines[0].get_ydata().astype(float))
        assert dict(zip(rows, blocked.lines[0].get_xdata(), strict=True)) == {2: 0.80, 1: 0.60, 3: 0.82}

    def test_a_failed_model_keeps_its_row_and_says_so(self):
        (note,) = self.one.texts
        assert (note.get_text(), note.xy[1]) == ("no result", 0)

    def test_majority_is_a_line_in_each_panel(self):
        for axes in (self.one, self.two):
            lines = {line.get_label(): line for line in axes.get_lines()}
            assert list(lines["majority class"].get_xdata()) == [0.41, 0.41]

    def test_an_empty_leaderboard_is_refused(self):
        with pytest.raises(BadInput, match="run a decoder first"):
            ranking(scored().iloc[:0], ACCURACY)

    def test_where_lower_is_better_the_largest_error_ranks_last(self):
        errors = scored()[lambda rows: rows["scheme"] != "shuffled"]
        (axes, _) = ranking(errors, families.get("regression").metric("median_error")).axes
        names = [text.get_text() for text in axes.get_yticklabels()]
        assert names == ["failed", "logistic_regression [c=1]", "logistic_regression", "leaky"]

    def test_each_family_and_metric_has_a_plot_of_its_own(self):
        one = scored().assign(family="classification", metric="accuracy", state="current")
        other = one[one["session"] == "two"].assign(session="three", metric="balanced_accuracy")
        found = pictures(pd.concat([one, other], ignore_index=True))
        assert list(found) == ["leaderboard_classification_accuracy", "leaderboard_classification_balanced_accuracy"]
        assert [axes.get_title(loc="left") for axes in found["leaderboard_classification_accuracy"].axes] == [
            "one",
            "two",
        ]
        assert found["leaderboard_classification_balanced_accuracy"].axes[0].get_xlabel().startswith("balanced")


def test_saved_bytes_are_the_same_and_nothing_global_is_left(tmp_path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    for name in ("a.png", "b.png"):
        save(drawn_scores(evaluation(), title="x"), tmp_path / name)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"tEXt" not in content
    assert int.from_bytes(content[16:20], "big") == 900
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("lowest", [-2.0, -1e-7])
def test_activity_of_either_sign_is_drawn_with_its_sign(lowest):
    """Signals may be negative: none of their pixels is lost, and what is negative by rounding changes no colour."""
    activity = np.array([[lowest, 0.0, 1.0], [4.0, 1.0, 0.0]], np.float32)
    with np.errstate(invalid="raise"):
        figure = activity_and_behaviour(activity, np.zeros((2, 1)), ["run"], 1.0)
    image = figure.axes[0].images[0]
    shown = np.asarray(image.get_array())
    np.testing.assert_allclose(shown, np.sign(activity.T) * np.sqrt(np.abs(activity.T)), atol=1e-6)
    low, high = image.get_clim()
    assert low == (-high if lowest == -2.0 else 0.0)
    assert image.get_cmap().name == ("RdBu_r" if lowest == -2.0 else "Greys")

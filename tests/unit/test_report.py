"""The report: one page that says first how well each session was decoded, from plain data."""

import re
from datetime import datetime
from html.parser import HTMLParser

import pytest

from neuropipe.evaluation.leaderboard import Evaluation, dead_families, ranked
from neuropipe.plots import save
from neuropipe.plots.captions import CAPTIONS, caption, reading_order
from neuropipe.plots.style import blank
from neuropipe.report import Picture, PictureGroup, SessionFacts, render
from tests.unit.score_families import evaluations, of_angles

MADE = datetime(2026, 11, 21, 16, 5)


class Text(HTMLParser):
    """The text of a page outside of script and style, and the addresses that it loads."""

    def __init__(self, page: str):
        super().__init__()
        self.parts, self.loaded, self._hidden = [], [], 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in ("script", "style")
        self.loaded += [value for name, value in attrs if name in ("src", "href", "data", "action")]

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._hidden:
            self.parts.append(data)

    def __str__(self):
        return " ".join(" ".join(self.parts).split())


@pytest.fixture(scope="module")
def plot(tmp_path_factory):
    path = tmp_path_factory.mktemp("plots") / "confusion_blocked.png"
    save(blank(1.0, ""), path)
    return path


@pytest.fixture(scope="module")
def page(plot):
    facts = [
        SessionFacts("compass.mouse-28", "Head direction", "Peyrache 2015", "CC0", "head direction"),
        SessionFacts("maze.one-2020-01-01", "Choice <of> mice", "Smith & Jones 2020", "CC-BY-4.0", "choice (a, b)",
                     notes=["The same recording as other.one."],
                     groups=[PictureGroup("gru", [Picture(plot), Picture(plot, "A caption of its own.")])]),
        SessionFacts("maze.two-2020-01-02", "Choice of mice"),
    ]  # fmt: skip
    found = evaluations()
    return render(
        ranked(found), facts, dead=dead_families(found), across=[Picture(plot, "maze, blocked folds.")], made=MADE,
        version="1.2.3", commit="abc1234",
    )  # fmt: skip


def test_the_result_of_each_session_comes_first(page):
    text = str(Text(page))
    assert "In 2 of 3 sessions a model beats chance." in text
    head = text[: text.index("Across sessions")]
    for words in (
        "compass.mouse-28 head direction kalman blocked folds 12.0 error (median, degrees), lower is better",
        "maze.one-2020-01-01 choice (a, b) logistic_regression blocked folds 0.700 accuracy (fraction of trials)",
        "0.650 to 0.750 majority class 0.400 0.001 above chance",
        "balanced (accuracy, mean over classes)",
        "not above chance",
    ):
        assert words in head, words
    assert "persistence 40.0" in head  # the stronger of the two baselines


def test_a_model_that_a_simple_baseline_beats_is_said_to_be_worse(page):
    assert "worse than" not in str(Text(page))
    slow = Evaluation("compass.mouse-28", "regression", "kalman", scores=of_angles(60.0), primary="median_error")
    text = str(Text(render(ranked([slow]), [], made=MADE, version="1")))
    assert "persistence 40.0 0.001 above chance worse than persistence" in text


def test_date_version_and_commit_are_named(page):
    assert "Made 2026-11-21 16:05 by neuropipe 1.2.3, commit abc1234" in str(Text(page))


def test_text_of_others_is_escaped(page):
    assert "Choice &lt;of&gt; mice" in page
    assert "Smith &amp; Jones" in page
    assert "<fold 2>" not in page
    assert "loss became NaN in <fold 2>" in str(Text(page))


def test_the_page_loads_nothing_from_elsewhere(page):
    loaded = Text(page).loaded
    assert loaded
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in loaded)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)


def test_every_plot_has_a_caption(page):
    assert page.count("<figure>") == page.count("<figcaption>") == 3
    assert CAPTIONS["confusion"] in page
    assert "A caption of its own." in page


def test_links_lead_to_their_sessions(page):
    targets = [address.removeprefix("#") for address in Text(page).loaded if address.startswith("#")]
    assert len(targets) == 3
    for target in targets:
        assert page.count(f'id="{target}"') == 1


def test_a_leak_is_stated_and_what_failed_or_is_missing_is_listed(page):
    text = str(Text(page))
    assert "drift of the recording leaks" in text
    assert "gru of maze.one-2020-01-01: loss became NaN" in text
    assert "mlp of maze.one-2020-01-01: neuropipe run evaluation/decoder/mlp" in text
    assert "rate_logistic C=2.0 (stale)" in text
    assert "The same recording as other.one." in text
    assert text.count("No model beats chance in this session.") == 1


def test_numbers_carry_the_value_that_a_column_is_sorted_by(page):
    assert 'data-value="0.7"' in page
    assert "aria-sort" in page


def test_an_empty_store_makes_a_page_too():
    page = render(ranked([]), [], made=MADE, version="1")
    assert "Nothing has been evaluated yet." in page


def test_the_same_data_give_the_same_page(page, plot):
    once, twice = (render(ranked(evaluations()), [], made=MADE, version="1") for _ in range(2))
    assert once == twice


def test_captions_are_found_by_the_longest_known_name():
    assert caption("leaderboard_classification_accuracy") == CAPTIONS["leaderboard"]
    assert caption("dff_and_events") == CAPTIONS["dff_and_events"]
    assert caption("my_own_plot") == "My own plot."


def test_plots_are_read_in_the_order_of_the_captions():
    names = ["zebra", "learning_curves", "confusion_blocked", "across_maze_blocked", "scores", "leaderboard_x_accuracy"]
    order = ["scores", "confusion_blocked", "learning_curves", "leaderboard_x_accuracy", "across_maze_blocked", "zebra"]
    assert sorted(names, key=reading_order) == order

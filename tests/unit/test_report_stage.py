"""The report's stage: which plots of the store the page shows, and in which order."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.stages.results.report import ABOUT, report
from neuropipe.evaluation.leaderboard import Evaluation, ranked
from neuropipe.plots import save
from neuropipe.plots.style import blank
from neuropipe.schemas import Leaderboard
from resources.store.stage import Member
from tests.unit.score_families import of_labels

KEY = "maze.one-2020-01-01"


@dataclass
class Stored:
    """An artifact, as far as the report reads it."""

    files: list[Path]
    metadata: dict = field(default_factory=dict)

    def plots(self) -> list[Path]:
        return self.files


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """Decoder `steady` is the best on blocked folds, `leaky` on shuffled ones."""
    folder = tmp_path_factory.mktemp("plots")

    def stored(*names: str, **facts) -> Stored:
        for name in names:
            save(blank(1.0, ""), folder / f"{name}.png")
        return Stored([folder / f"{name}.png" for name in names], facts)

    def member(facts: dict, asset: str, session: str | None, artifact: Stored | None) -> Member:
        return Member(facts, asset, session, "f", "v", lambda: artifact)

    both = [
        Evaluation(KEY, "classification", name, scores=pd.concat(
            [of_labels(blocked), of_labels(shuffled, scheme="shuffled", p=np.nan)]
        ))
        for name, blocked, shuffled in (("steady", 0.7, 0.7), ("leaky", 0.6, 0.9))
    ]  # fmt: skip
    plots = {
        "binned": stored("raster_and_psth", classes={"left": 20, "right": 30}),
        "evaluation/decoder/leaky": stored("scores"),
        "evaluation/decoder/steady": stored("confusion_blocked", "scores"),
        "decoder/steady": stored("learning_curves"),
        "connectivity/steady": stored("matrix"),
        "evaluation/connectivity/steady": stored("scores"),
    }
    about = {"kind": ABOUT, "title": "A maze", "citation": "", "licence": "", "decoded": "choice", "notes": []}
    about["family"] = "classification"
    members = [member({**about, "session": KEY}, "", KEY, None)]
    for name, held in plots.items():
        family = "connectivity" if "connectivity" in name else "" if name == "binned" else "classification"
        members.append(member({"kind": "plots", "asset": name, "session": KEY, "family": family}, name, KEY, held))
    across = stored("across_maze_blocked", "leaderboard_classification_accuracy")
    members.append(member({"kind": "leaderboard"}, "leaderboard", None, across))
    return report.function(Leaderboard(leaderboard=ranked(both)), members).page


def headings(page: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}[^>]*>([^<]*)</{tag}>", page)


def test_the_model_that_is_best_under_the_judged_scheme_is_unfolded(page):
    assert headings(page, "h3")[2:5] == ["binned", "decoder/steady", "evaluation/decoder/steady"]
    others = headings(page, "h3")[5:7]
    assert others == ["connectivity/steady", "evaluation/connectivity/steady"], "the best of another family, too"
    assert headings(page, "summary") == ["evaluation/decoder/leaky"]


def test_scores_come_before_details(page):
    section = page[page.index("<h3>evaluation/decoder/steady</h3>") :]
    assert section.index("The primary metric under each fold scheme") < section.index("What was decoded (columns)")


def test_plots_of_all_sessions_are_shown(page):
    across = page[page.index("<h2>Across sessions</h2>") : page.index(f'<h2 id="session-{KEY.replace(".", "-")}"')]
    assert across.count("<figure>") == 2
    assert across.index("Primary metric of every model") < across.index("score of every model in every session")


def test_classes_are_named_in_the_headline(page):
    assert "choice (left, right)" in page[: page.index("<h2>Across sessions</h2>")]

"""sweep/<decoder> through the command: run, show, cache, report, and sentences for what can't be swept."""

import json
from pathlib import Path

import pandas as pd
import pytest

from assets.dagster.build import build_definitions
from assets.pipeline import build_pipeline, quick
from assets.stages.decoding.sweeps import STAGES
from neuropipe import decoders
from resources.store.code import current_code
from tests.cli.command import ask, counts, get, show
from tests.installation import QUICK, Place, make_place

ONE = ("--session", "quick.one")
SWEEP = "sweep/rate_logistic"
FEW = (
    *("--set", f"{SWEEP}.n_units=[3,12]", "--set", f"{SWEEP}.n_trials=[12,30]"),
    *("--set", f"{SWEEP}.n_repeats=2", "--set", f"{SWEEP}.window=0.15"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Place:
    """One session, swept with the defaults but for fewer repeats and the decoder's own settings."""
    settings = "{decoder/rate_logistic: {strengths: [0.5, 2]}, sweep/rate_logistic: {n_repeats: 2}}"
    own = QUICK.replace("one: {", f"one: {{config: {settings}, ")
    place = make_place(tmp_path_factory.mktemp("sweeps"), quick=own)
    assert counts(get(place, "run", SWEEP, *ONE)) == (0, 4, 0), "the decoder's own asset is not needed"
    return place


def shown(place: Place, *settings: str) -> dict:
    return show(place, SWEEP, *ONE, *settings)


def test_show_says_what_was_found_and_where(made):
    facts = shown(made)
    assert facts["scheme"] == "blocked"
    assert facts["check.out_of_fold"] == facts["check.test_trials_untouched"] == "passed"
    assert facts["left out"] == "n_bins 10, 20: a trial has 6 bins"
    assert list(facts["accuracy by n_bins"]) == ["1", "2", "3", "5"]
    assert list(facts["accuracy by window"]) == ["0.25", "0.3", "0.35", "0.4", "0.45"]
    assert facts["parameters"]["strengths"] == [0.5, 2.0]
    assert Path(facts["plot.decodability"]).stat().st_size < 150_000
    assert 0.5 <= facts["chance"] < 0.8


def test_the_tables_have_a_row_a_fit_and_a_row_a_point(made):
    data = Path(shown(made)["path"]) / "data"
    rows, summary = pd.read_parquet(data / "sweep.parquet"), pd.read_parquet(data / "summary.parquet")
    assert len(rows) == shown(made)["fits"]
    assert (rows.groupby(["sweep", "value", "repeat"])["n_test"].sum() == 60).all()
    assert set(summary["sweep"]) == {"n_bins", "window", "n_units", "n_trials"}
    assert len(summary) == len(rows.drop_duplicates(["sweep", "value"]))
    time = summary[summary["sweep"] == "window"]
    assert time["start"].tolist() == pytest.approx([0.2, 0.25, 0.3, 0.35, 0.4])


def test_a_second_run_is_a_hit_and_other_points_are_a_variant_beside_it(made):
    before = shown(made)["data_version"]
    assert counts(get(made, "run", SWEEP, *ONE)) == (4, 0, 0)
    other = (*FEW, "--set", f"{SWEEP}.seed=2")
    assert counts(get(made, "run", SWEEP, *ONE, *other)) == (3, 1, 0)
    assert list(shown(made, *other)["accuracy by n_units"]) == ["3", "12"]
    (row,) = get(made, "plan", SWEEP, *ONE, "--set", f"{SWEEP}.seed=1")
    assert (row["state"], row["reason"]) == ("run", "changed: config.seed")
    assert shown(made)["data_version"] == before


def test_the_same_seed_gives_the_same_bytes(made):
    get(made, "run", SWEEP, *ONE, *FEW)
    before = shown(made, *FEW)["data_version"]
    assert counts(get(made, "run", SWEEP, *ONE, *FEW, "--refresh")) == (3, 1, 0)
    assert shown(made, *FEW)["data_version"] == before


def test_what_the_catalogue_sets_for_the_decoder_counts(made):
    catalogue = made.root / "catalog" / "quick.yaml"
    text = catalogue.read_text()
    catalogue.write_text(text.replace("strengths: [0.5, 2]", "strengths: [0.5, 4]"))
    (row,) = get(made, "plan", SWEEP, *ONE)
    catalogue.write_text(text)
    assert (row["state"], row["reason"]) == ("run", "changed: config.decoder.strengths")
    assert get(made, "plan", SWEEP, *ONE)[0]["state"] == "hit"


def test_parameters_of_the_sweep_alone(made):
    few = (*FEW, "--set", f'{SWEEP}.sweeps=["n_trials"]', "--set", f'{SWEEP}.parameters={{"n_inner_folds": 2}}')
    assert counts(get(made, "run", SWEEP, *ONE, *few)) == (3, 1, 0)
    assert shown(made, *few)["parameters"] == {"n_inner_folds": 2, "strengths": [0.5, 2.0]}
    assert "accuracy by window" not in shown(made, *few)


def test_the_report_shows_a_sweep_and_is_made_again_when_there_is_one(made):
    page = Path(ask(made, "report").out.strip()).read_text()
    assert f"<summary>{SWEEP}</summary>" in page
    assert 'alt="Accuracy with its 95 % interval against bin width' in page
    get(made, "run", "evaluation/decoder/rate_logistic", *ONE)
    assert get(made, "plan", "report")[0]["state"] == "run", "there is something to rank"
    page = Path(ask(made, "report").out.strip()).read_text()
    assert f"<summary>{SWEEP}</summary>" in page
    assert get(made, "plan", "report")[0]["state"] == "hit"
    heavy, one = "sweep/pca_logistic", ("--set", "sweep/pca_logistic.sweeps=[n_bins]")  # in a child process
    assert counts(get(made, "run", heavy, *ONE, *one, "--set", f"{heavy}.n_bins=[1, 2]")) == (3, 1, 0)
    assert get(made, "plan", "report")[0]["state"] == "hit", "a variant is not shown"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("window=2", "window is 2 s; it must be above 0 and no longer than the trial, 0.3 s"),
        ("n_units=[0]", "n_units holds 0; give whole numbers, 1 or more"),
        ("n_units=[99]", "n_units asks for 99 units, but the session has 12; give fewer"),
        ("n_trials=[59]", "n_trials asks for 59 training trials, but a fold has only 38; give fewer, or more folds"),
        ("scheme=rolled", "the session has no folds of the scheme 'rolled'; it has blocked"),
    ],
)
def test_what_can_not_be_swept_is_a_sentence(made, setting, said):
    answer = ask(made, "run", SWEEP, *ONE, "--set", f"{SWEEP}.{setting}", "--json")
    assert answer.code == 1
    assert answer.err == f"neuropipe: {SWEEP} of quick.one: {said}\n"
    assert counts(json.loads(answer.out)) == (3, 0, 1)


def test_a_parameter_that_the_decoder_does_not_have_is_refused_before_anything_runs(made):
    answer = ask(made, "run", SWEEP, *ONE, "--set", f'{SWEEP}.parameters={{"hidden": 8}}')
    assert answer.code == 2
    assert "hidden: Extra inputs are not permitted; rate_logistic has strengths, n_inner_folds" in answer.err


def test_sweeps_run_only_where_they_are_asked_for(made):
    pipeline = build_pipeline()
    names = {stage.name for stage in STAGES}
    classifiers = [name for name, plugin in decoders.available().items() if plugin.facts["task"] == "classification"]
    assert names == {f"sweep/{name}" for name in classifiers}
    assert names <= set(pipeline.stages)
    assert not names & set(quick(pipeline))
    job = build_definitions(pipeline).resolve_job_def("default")
    assert not [node for node in job.graph.node_dict if node.startswith("sweep")]


def modules(sweep: str, **settings) -> set[str]:
    """Modules of the code that decides the bytes of a sweep."""
    stage = build_pipeline().stage(sweep)
    uses = stage.uses(stage.config(task="classification", **settings))
    return {each.module for each in current_code().reachable(stage.roots(uses))}


def test_a_sweeps_code_is_its_decoders_and_not_its_siblings():
    found = modules(SWEEP)
    assert found >= {
        "neuropipe.decoders.rate_logistic",
        "neuropipe.evaluation.sweeps",
        "neuropipe.evaluation.sweeps.fits",
        "neuropipe.evaluation.sweeps.scores",
    }
    assert not found & {"neuropipe.decoders.logistic_regression", "neuropipe.decoders.gru"}


def test_a_sweep_of_an_ensemble_counts_its_members_code():
    of_knn = modules("sweep/ensemble", parameters={"members": ("knn",)})
    assert "neuropipe.decoders.knn" in of_knn
    assert "neuropipe.decoders.xgboost" not in of_knn
    default = decoders.available()["ensemble"].parameters["members"]
    assert {decoders.available()[name].module for name in default} <= modules("sweep/ensemble")

"""Dagster's own command and its schedule do the same work as ours, on the same store."""

import hashlib

import dagster as dg
import pytest

from assets.dagster.build import build_definitions
from assets.pipeline import build_pipeline
from neuropipe import connectivity, decoders
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests.cli.command import counts, get
from tests.cli.conftest import RATE
from tests.cli.recordings import save
from tests.http_server import Reply
from tests.installation import QUICK, Place, copy_project, make_place

# Stages that no session of spikes has: of images, of voltage and of field potentials.
OTHER_MODALITIES = {"fluorescence", "events", "deconvolution_scores", "preprocessing", "sorting", "templates"} | {
    *("quality_metrics", "sorted_spikes", "true_spikes", "features", "spectra", "evoked")
}


@pytest.mark.slow
def test_everything_of_a_session_is_materialized_from_a_fresh_place(tmp_path):
    """On a copy of the project with the quickest decoder and one method of connectivity alone."""
    place = make_place(tmp_path, copy_project(tmp_path / "code"), quick=QUICK)
    modules = {plugin.module for kind in (decoders, connectivity) for plugin in kind.available().values()}
    for other in modules - {"neuropipe.decoders.rate_logistic", "neuropipe.connectivity.correlation"}:
        (place.code / other.replace(".", "/")).with_suffix(".py").unlink()
    select = ("--select", "*", "--partition", "quick.one")
    done = place.python("-m", "dagster", "asset", "materialize", "-m", "assets.definitions", *select)
    assert done.returncode == 0, done.stderr[-2000:]
    assert counts(place.json("run", *("--session", "quick.one"))) == (7, 0, 0)
    rows = {row["asset"]: row["state"] for row in place.json("plan", *("--session", "quick.one"))}
    absent = {asset for asset, state in rows.items() if state != "hit"}
    others = {asset for asset in absent if not asset.startswith("evaluation/sorting/")}
    assert {asset.partition("/")[0] for asset in others} == OTHER_MODALITIES
    assert {rows[asset] for asset in absent} == {"n/a"}


# -- the weekly refresh ------------------------------------------------------------------------------------------------

FOLLOWED = """\
title: Counts from the web
citation: none
licence: CC0-1.0
modality: spikes
reader: npz
follow_upstream: {follow}
task: {{label: choice, align: start, window: [0, 1], bin_width: 0.1, folds: {{n_folds: 3}}}}
sessions:
  one: {{files: {{one.npz: {{url: "{url}/one.npz", sha256: {sha256}}}}}}}
  never: {{files: {{never.npz: {{url: "{url}/never.npz", sha256: null}}}}}}
"""


def tick(place: Place, monkeypatch) -> list[dg.RunRequest]:
    """What the schedule asks for when its time has come, each request checked to be one that can be launched."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    definitions = build_definitions(build_pipeline(Workspace.from_environment()))
    schedule = definitions.resolve_schedule_def("weekly_refresh")
    with dg.build_schedule_context(repository_def=definitions.get_repository_def()) as context:
        requests = schedule.evaluate_tick(context).run_requests
    return list(requests)


@pytest.mark.parametrize("pinned", [False, True])
def test_the_weekly_refresh_launches_what_changed_upstream_and_nothing_else(
    place, server, tmp_path, monkeypatch, capfd, pinned
):
    first = save(tmp_path / "first.npz").read_bytes()
    server.files["/one.npz"] = server.files["/never.npz"] = first
    sha256 = f"'{hashlib.sha256(first).hexdigest()}'" if pinned else "null"
    text = FOLLOWED.format(url=server.url(""), follow="true", sha256=sha256)
    (place.root / "catalog" / "web.yaml").write_text(text)
    assert tick(place, monkeypatch) == [], "nobody has begun: nothing is fetched by a clock"
    assert server.requests == []
    everything = ("recording", "activity", "binned", "folds", "decoder/rate_logistic", RATE)
    assert counts(get(place, "run", RATE, "--session", "web.one")) == (0, 5, 0)
    monkeypatch.setattr("resources.store.plan.Planner.plan", only(everything))
    assert tick(place, monkeypatch) == []

    server.files["/one.npz"] = save(tmp_path / "second.npz", seed=1).read_bytes()
    requests = tick(place, monkeypatch)
    assert server.asked("/never.npz", "HEAD") == []
    if pinned:
        assert requests == []
        said = capfd.readouterr().err
        assert "web.one: one.npz changed upstream, but the catalogue pins what was first downloaded" in said
        return
    (request,) = requests
    assert request.partition_key == "web.one"
    assert [key.to_user_string() for key in request.asset_selection] == list(everything)
    assert counts(get(place, "run", RATE, "--session", "web.one")) == (0, 5, 0)
    assert tick(place, monkeypatch) == []
    server.always["/one.npz"] = Reply(status=503)
    assert tick(place, monkeypatch) == [], "a server that is down is no change"


def only(assets: tuple[str, ...]):
    """Planner.plan for a few assets, so that what the test did not make is not asked for."""
    whole = Planner.plan
    return lambda planner, sessions, wanted=None: whole(planner, sessions, wanted or assets)

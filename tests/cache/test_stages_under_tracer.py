"""Every stage is run under a tracer: no line of ours may decide its bytes outside its code version."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assets import pipeline as assets_pipeline
from neuropipe import connectivity, decoders
from neuropipe.calcium.suite2p_library import load_suite2p
from neuropipe.evaluation import families
from neuropipe.tasks import available as tasks_available
from resources.store import memo
from resources.store.code import CodeBase
from resources.store.pipeline import Pipeline
from resources.store.plan import Planner
from resources.workspace import Workspace
from tests.imaging import COHORT, DATASET, MOVIE, NETWORKS, imaging
from tests.installation import QUICK
from tests.readers.signal_files import eeglab, signals_npy
from tests.tracer import trace_to, traced, uncovered

CONTINUOUS = """\
title: Own continuous recording
citation: unpublished
licence: not stated
modality: fluorescence
reader: traces_npz
task: {targets: [speed], bin_width: 0.5, history: 2, folds: {n_folds: 2}}
sessions:
  one: {files: {one.npz: {path: PATH}}}
"""
AREAS = """\
title: Counts of two areas
citation: unpublished
licence: CC0-1.0
modality: counts
reader: npz
config: {communication_subspace: {conditions: [shown], fewest_units: 3, n_folds: 2}}
sessions:
  one: {files: {areas.npz: {path: PATH}}}
"""
POTENTIALS = """\
title: Own potentials
citation: unpublished
licence: not stated
modality: field_potentials
reader: eeglab
task: {label: type, align: onset, window: [0.0, 0.5], bin_width: 0.1}
config: {features/voltage: {low: 1.0, mains: [40.0]}}
sessions:
  one: {files: {sample.set: {path: ROOT/sample.set}, sample.fdt: {path: ROOT/sample.fdt}}}
"""
SCANNED = """\
title: Own scan
citation: unpublished
licence: not stated
modality: bold
reader: signals_npy
parameters: {sampling_rate: 0.5}
sessions:
  one: {files: {ca1.npy: {path: ROOT/ca1.npy}}}
"""
# Enough to run every line of a fit, and no more.
SHORT = {
    "n_epochs": 2,
    "n_seeds": 1,
    "n_inner_folds": 2,
    "n_features": 1,
    "width": 8,
    "n_trees": 5,
    "members": ["naive_bayes", "knn"],
}
SMALL_NETWORKS = {"n_steps": 50, "n_networks": 2, "channels": 4, "rates": [20.0]}
SWEPT = ("naive_bayes", "ensemble")  # sweeps are one function, and what they fit is traced as decoder/<name>
# Members of stages over many sessions are opened while the stage runs: by the store, which gives the bytes that the
# fingerprint names or raises.
OPENING = ("resources.store.attempts", "resources.store.manifest", "resources.store.members", "resources.store.store")
TRIALS, TIME, TRACES, FRAMES, COUNTS = "quick.one", "time.one", "own.a", "tiny.one", "areas.one"
WIRED, SCALP, BOLD = "wired.one", "eeg.one", "scan.one"
NETWORK = """\
title: Small network
citation: unpublished
licence: CC0-1.0
modality: spikes
simulator: spiking_network
parameters: {n_units: 8, n_trials: 60}
sessions: {one: {}}
"""
VOLTAGE, SORTED = "volts.one", "spykingcircus2"  # the stages of a sorter are the same functions for all sorters
VOLTS = """\
title: Small voltage
citation: unpublished
licence: CC0-1.0
modality: voltage
simulator: voltage
parameters:
  {probe: tetrode, sampling_rate: 20000.0, duration: 12.0, decisions: {n_trials: 12, n_units: 2, baseline_rate: 20.0}}
sessions: {one: {}}
"""
OF_SORTERS = ("sorting/", "templates/", "quality_metrics/", "sorted_spikes/", "evaluation/sorting/")
# They call what sorting/ and evaluation/sorting/ call, after a second sorting.
COMPARED = ("sorting_agreement/", "sorting_repeated/")
CONNECTED = "correlation"  # what judges a matrix is one function for all methods, and is traced with this one
JUDGES = ("connectivity_reliability/", "evaluation/connectivity/", "connectivity_graph/")


class Laboratory:
    """Runs stages in this process and traces what each calls."""

    def __init__(self, root: Path):
        self.root, self.running = root, ""
        catalog = root / "catalog"
        (catalog / "cohorts").mkdir(parents=True)
        (catalog / "quick.yaml").write_text(QUICK)
        (catalog / "tiny.yaml").write_text(MOVIE.replace("width: 84", "width: 76"))
        listed = [f"  {name}: {{files: {{{name}.npz: {{path: {root}/{name}.npz}}}}}}\n" for name in "abc"]
        (catalog / "own.yaml").write_text(DATASET + "".join(listed))
        (catalog / "cohorts" / f"{NETWORKS}.yaml").write_text(COHORT)
        for seed, name in enumerate("abc"):
            np.savez(root / f"{name}.npz", **imaging(seed, 20.0))
        seen = imaging(7, 20.0)
        moving = {"dff": seen["dff"], "frame_times": seen["frame_times"], "time": seen["frame_times"]}
        np.savez(root / "time.npz", **moving, behaviour_speed=np.sin(seen["frame_times"]))
        (catalog / "time.yaml").write_text(CONTINUOUS.replace("PATH", str(root / "time.npz")))
        rng = np.random.default_rng(0)
        own = {"counts": rng.poisson(3.0, (12, 2, 8)).astype(np.uint8), "bin_width": 0.1, "start": 0.0}
        conditions = {"shown": np.arange(12) % 2, "trial_start": np.arange(12.0)}
        np.savez(root / "areas.npz", **own, **conditions, unit_brain_area=np.repeat(["A", "B"], 4))
        (catalog / "wired.yaml").write_text(NETWORK)
        (catalog / "volts.yaml").write_text(VOLTS)
        (catalog / "areas.yaml").write_text(AREAS.replace("PATH", str(root / "areas.npz")))
        events = {"type": ["a", "b", "a", "b"], "latency": [101.0, 201.0, 301.0, 401.0]}
        eeglab(root, events=events)
        signals_npy(root)
        (catalog / "eeg.yaml").write_text(POTENTIALS.replace("ROOT", str(root)))
        (catalog / "scan.yaml").write_text(SCANNED.replace("ROOT", str(root)))
        stages = [dataclasses.replace(stage, isolated=False) for stage in assets_pipeline.stages()]
        self.pipeline = Pipeline(stages, Workspace(catalog, root / "store", root / "raw"))

    def overrides(self) -> dict:
        found: dict = {"folds": {"n_folds": 2}, NETWORKS: SMALL_NETWORKS}
        for name, stage in self.pipeline.stages.items():
            fields = stage.config.model_fields
            if name.startswith("decoder/"):
                found[name] = {key: value for key, value in SHORT.items() if key in fields}
            elif name.startswith("sweep/"):
                found[name] = {"sweeps": ["n_bins"], "n_bins": [1], "n_resamples": 10}
                own = {key: value for key, value in SHORT.items() if key in self.decoder_fields(name)}
                found[name]["parameters"] = own
            elif name.startswith("evaluation/"):
                found[name] = {key: 20 for key in ("n_shifts", "n_resamples", "n_permutations") if key in fields}
        return found

    def decoder_fields(self, sweep: str) -> dict:
        return self.pipeline.stages[sweep.replace("sweep/", "decoder/")].config.model_fields

    def run(self, asset: str, key: str | None) -> None:
        planner = Planner(self.pipeline, self.overrides())
        session = planner.catalog.session(key) if key else None
        self.running = asset
        families.get.cache_clear()  # what is made once per process would be seen once
        outcome = memo.materialize(planner, asset, session)
        assert outcome.state == "miss", (asset, outcome.reason)

    @contextlib.contextmanager
    def tracing(self) -> Iterator[None]:
        """Trace what stages call, not what plans them."""
        whole = memo.run_stage

        def run_stage(*arguments):
            with trace_to(self.folder(self.running)):
                return whole(*arguments)

        memo.run_stage = run_stage
        try:
            yield
        finally:
            memo.run_stage = whole

    def folder(self, asset: str) -> Path:
        return self.root / "traces" / asset.replace("/", "-")


def runs() -> list[tuple[str, str | None]]:
    """Every stage once, with a session that it applies to, in order; recordings by several readers and simulators."""
    kind = {name: plugin.facts["task"] for name, plugin in decoders.available().items()}
    session = {"classification": TRIALS, "regression": TIME}
    found: list[tuple[str, str | None]] = [
        ("recording", key) for key in (TRIALS, TIME, TRACES, FRAMES, COUNTS, "own.b", "own.c", WIRED, SCALP, BOLD)
    ]
    found += [("fluorescence", FRAMES), ("events/oasis", TRACES), ("events/oasis", TIME), ("events/suite2p", TRACES)]
    found += [(NETWORKS, None), ("events/learned", TRACES)]
    found += [(f"deconvolution_scores/{method}", TRACES) for method in ("oasis", "suite2p", "learned")]
    found += [(asset, SCALP) for asset in ("features/voltage", "features/band_power", "spectra", "evoked")]
    found += [("features/standardized", BOLD), ("binned", SCALP)]
    found += [(asset, key) for asset in ("binned", "folds") for key in (TRIALS, TIME)]
    for prefix in ("decoder/", "evaluation/decoder/"):
        found += [(f"{prefix}{name}", session[kind[name]]) for name in kind]
    found += [(f"sweep/{name}", TRIALS) for name in SWEPT]
    found += [(f"connectivity/{name}", WIRED) for name in connectivity.available()]
    found += [(f"connectivity/{CONNECTED}", key) for key in (TRIALS, TIME, COUNTS)]
    found += [(f"{judge}{CONNECTED}", TRIALS) for judge in JUDGES]
    found.append((f"evaluation/connectivity/{CONNECTED}", WIRED))
    found += [("communication_subspace", COUNTS)]
    found += [(asset, VOLTAGE) for asset in ("recording", "preprocessing", "true_spikes")]
    found += [(f"{asset}{SORTED}", VOLTAGE) for asset in OF_SORTERS]
    return [*found, ("connectivity_agreement", None), ("leaderboard", None), ("report", None)]


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory) -> Laboratory:
    load_suite2p()  # under the tracer, its import would take three times as long
    found = Laboratory(tmp_path_factory.mktemp("traced"))
    with found.tracing():
        for asset, key in runs():
            found.run(asset, key)
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_line_of_ours_runs_outside_the_code_version_of_its_stage(laboratory):
    code, outside, tried = CodeBase(), {}, set()
    planner = Planner(laboratory.pipeline, laboratory.overrides())
    for asset in dict(runs()):
        stage = laboratory.pipeline.stages[asset]
        sessions = [each for other, each in runs() if other == asset]
        roots = set()
        for each in sessions:
            session = planner.catalog.session(each) if each else None
            roots |= set(stage.roots(stage.uses(planner.config(stage, session))))
        ran = traced(laboratory.folder(asset))
        assert len(ran) > 3, asset
        tried.add(asset)
        missed = uncovered(ran, code.reachable(roots) | code.ignored(roots))
        if missed := {each for each in missed if each.module not in OPENING}:
            outside[asset] = sorted(map(str, missed))
    assert outside == {}
    sweeps = [stage for name, stage in laboratory.pipeline.stages.items() if name.startswith("sweep/")]
    assert len({stage.function.__code__ for stage in sweeps}) == 1
    others = {stage.name for stage in sweeps} - {f"sweep/{name}" for name in SWEPT}
    for kind, traced_with in [*((judge, CONNECTED) for judge in JUDGES), *((each, SORTED) for each in OF_SORTERS)]:
        alike = [stage for name, stage in laboratory.pipeline.stages.items() if name.startswith(kind)]
        assert len({stage.function.__code__ for stage in alike}) == 1
        others |= {stage.name for stage in alike} - {f"{kind}{traced_with}"}
    others |= {name for name in laboratory.pipeline.stages if name.startswith(COMPARED)}
    everything = {name for name, stage in laboratory.pipeline.stages.items() if stage.choose is None} - others
    assert tried == everything, "every stage was run"
    assert set(tasks_available()) == {"classification", "regression"}, "a new task needs a session here"

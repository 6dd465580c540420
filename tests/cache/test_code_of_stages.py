"""Code versions of our own source: all of it can be read, and stages and plug-ins cover what they should."""

import json
import subprocess
import sys

import pytest

from assets.pipeline import stages
from neuropipe import decoders
from resources.store.code import CodeBase, Definition, reference
from resources.store.code.definitions import EFFECTS
from resources.store.stage import Uses
from tests.tracer import REPOSITORY

# What plans, downloads, shows and keeps decides no bytes.
NEVER = (
    "neuropipe.catalog.entries", "neuropipe.catalog.sessions", "neuropipe.catalog.datasets", "neuropipe.plots",
    "resources.allen", "resources.fetch", "resources.store.plan", "resources.store.gc", "resources.store.code",
    "assets.dagster", "assets.cli",
)  # fmt: skip


@pytest.fixture(scope="module")
def code() -> CodeBase:
    return CodeBase()


def modules(code: CodeBase, *roots: Definition) -> set[str]:
    return {each.module for each in code.reachable(roots)}


def test_every_definition_of_ours_can_be_read(code):
    roots = [
        Definition(source.module, name)
        for source in filter(lambda source: source.is_module, code._sources.values())
        for name in code._module(source.module).pieces
    ]
    assert len(roots) > 1000
    assert len(code.reachable(roots)) > 1000
    assert len(code.version(roots)) == 32


def test_a_decoder_reaches_its_own_code_and_no_other(code):
    gru = decoders.registry.get("gru")
    reached = code.reachable([Definition(gru.module, gru.attribute)])
    assert len(reached) < 150
    assert not {each.module for each in reached} & {decoders.registry.get("svm").module, "neuropipe.registry"}
    files = {str(path.relative_to(REPOSITORY)) for path in code.files([Definition(gru.module, gru.attribute)])}
    assert len(files) < 40
    assert all((REPOSITORY / file).is_file() for file in files)


@pytest.mark.parametrize("stage", [pytest.param(stage, id=stage.name) for stage in stages()])
def test_a_stage_reaches_what_writes_artifacts_but_nothing_that_plans_shows_or_fetches(code, stage):
    reached = modules(code, *stage.roots(Uses()))
    assert "resources.store.artifact" in reached
    assert not {name for name in reached if f"{name}.".startswith(tuple(f"{each}." for each in NEVER))}


def test_versions_of_different_plug_ins_differ(code):
    found = [code.version([Definition(p.module, p.attribute)]) for p in decoders.registry.available().values()]
    assert len(set(found)) == len(found)


def test_few_modules_do_anything_on_import_so_that_imports_alone_hardly_count(code):
    names = [
        source.module
        for source in code._sources.values()
        if source.is_module and not source.module.startswith("assets.cli")
    ]
    roots = [
        reference(f"{stage.function.__module__}:{stage.function.__qualname__.split('.')[0]}") for stage in stages()
    ]
    assert len([name for name in names if code._linker.has_effects(name)]) < 8
    effects = {each.module for each in code._reach(code._locate(frozenset(roots))) if each.name == EFFECTS}
    assert effects <= {"neuropipe.readers.tif"}, "no stage changes with what a module does on import"


def test_a_new_process_with_a_warm_cache_is_quick_and_imports_nothing_of_ours(tmp_path):
    script = (
        "import json, sys, time\nfrom pathlib import Path\nfrom resources.store.code import current_code, reference\n"
        "began = time.process_time()\n"
        f"code = current_code(Path({str(tmp_path)!r}))\n"
        "roots = ['neuropipe.folds:make_folds', 'neuropipe.binning:bin_spikes', 'resources.store.artifact:Draft']\n"
        "found = [code.version([reference(a), reference(b)]) for a in roots for b in roots]\n"
        "took = time.process_time() - began\n"
        "print(json.dumps([took, found, sorted(name for name in sys.modules if name.startswith('neuropipe.'))]))"
    )
    runs = [
        json.loads(
            subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True).stdout
        )
        for _ in range(2)
    ]
    assert runs[0][1] == runs[1][1]
    assert runs[1][0] < 0.3
    assert set(runs[1][2]) <= {"neuropipe.errors"}

"""Every stage names the distributions whose version can change its bytes: those that its code imports."""

import ast
from functools import cache
from pathlib import Path

import pytest

from assets.pipeline import stages
from assets.stages.signals.recording import RecordingConfig
from neuropipe import readers, simulate, tasks
from resources.store.code import CodeBase
from resources.store.stage import Stage, Uses

DISTRIBUTIONS = {
    "h5py": "h5py",
    "networkx": "networkx",
    "nibabel": "nibabel",
    "numba": "numba",
    "oasis": "oasis-deconv",
    "probeinterface": "probeinterface",
    "rdata": "rdata",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "spikeinterface": "spikeinterface",
    "suite2p": "suite2p",
    "tifffile": "tifffile",
    "torch": "torch",
    "torchvision": "torchvision",
    "xgboost": "xgboost",
    "jinja2": "jinja2",
}


@pytest.fixture(scope="module")
def code() -> CodeBase:
    return CodeBase()


@cache
def imported(path: Path) -> frozenset[str]:
    """Distributions that a file imports, at its top or in a function, but for types."""
    names = set()
    if path.suffix != ".py":  # a template
        return frozenset()
    for node in ast.walk(_without_types(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return frozenset(DISTRIBUTIONS[name] for name in names & set(DISTRIBUTIONS))


def _without_types(tree: ast.Module) -> ast.Module:
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    return tree


def choices(stage: Stage) -> list[Uses]:
    """What a stage uses under each configuration that chooses plug-ins."""
    if stage.name == "recording":
        made = [RecordingConfig(reader=name) for name in readers.available()]
        made += [RecordingConfig(simulator=name) for name in simulate.available()]
        return [stage.uses(config) for config in made]
    if "task" not in stage.config.model_fields:
        return [stage.uses(stage.config.model_construct())]
    found = []
    for kind, task in tasks.available().items():
        fields = {name: info.get_default(call_default_factory=True) for name, info in stage.config.model_fields.items()}
        try:
            found.append(stage.uses(stage.config.model_construct(**{**fields, "task": kind})))
        except ValueError:
            assert task  # a configuration that does not suit this kind
    return found


@pytest.mark.parametrize("stage", [pytest.param(each, id=each.name) for each in stages() if each.choose is None])
def test_a_stage_names_what_its_code_imports(code, stage):
    for uses in choices(stage):
        needed = {tool for path in code.files(stage.roots(uses)) for tool in imported(path)}
        assert needed <= set(stage.tool_versions(uses)), (uses.code, sorted(needed - set(stage.tool_versions(uses))))

"""The house: imports run one way, listing is light, nothing is unpickled, only neuropipe is packaged."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "neuropipe": {"dagster", "resources", "assets"},
    "resources": {"assets", "dagster"},
    "assets": set(),
}
HEAVY = ["torch", "zarr", "sklearn", "xgboost"]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_from_assets_to_resources_to_neuropipe(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        assert not imports(path) & FORBIDDEN[package], path


def loaded_after(code: str, names: list[str]) -> list[str]:
    code = f"{code}\nimport sys, json; print(json.dumps([n for n in {names!r} if n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_definitions_load_nothing_heavy():
    assert loaded_after("import assets.definitions", [*HEAVY, "matplotlib", "numba", "scipy"]) == []


def test_listing_plug_ins_imports_none_of_them():
    code = "from neuropipe import decoders, readers, simulate\n[p.available() for p in (decoders, readers, simulate)]"
    assert loaded_after(code, [*HEAVY, "numba", "rdata"]) == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_nothing_is_ever_unpickled(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        text = path.read_text()
        assert not imports(path) & {"pickle", "cPickle", "dill", "joblib", "cloudpickle"}, path
        assert "allow_pickle=True" not in text, path
        assert "torch.load" not in text, path


def test_the_wheel_holds_only_the_library():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["packages"]["find"]["include"] == ["neuropipe*"]


def test_no_file_is_too_long_to_hold_one_idea():
    for package in FORBIDDEN:
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path

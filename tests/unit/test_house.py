"""The house: imports run one way and never in a circle, listing is light, nothing is unpickled, files are short."""

import ast
import graphlib
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
# The one file that may name Dagster's private modules; what it takes from them is said there.
DAGSTER_INTERNALS = ROOT / "assets" / "dagster" / "internals.py"


def sources() -> list[Path]:
    return [path for package in FORBIDDEN for path in sorted((ROOT / package).rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path, *, for_types: bool = True) -> set[str]:
    """Dotted names that a file imports, inside functions as well: `a.b` and, of `from a import b`, both a and a.b."""
    found, waiting = set(), [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and not for_types:
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by absolute names"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        waiting += ast.iter_child_nodes(node)
    return found


def imports(path: Path) -> set[str]:
    """Top-level packages that a file imports."""
    return {name.partition(".")[0] for name in imported_names(path)}


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_from_assets_to_resources_to_neuropipe(package):
    for path in sorted((ROOT / package).rglob("*.py")):
        assert not imports(path) & FORBIDDEN[package], path


def test_imports_never_run_in_a_circle():
    ours = {module_name(path): path for path in sources()}
    graph = {}
    for module, path in ours.items():
        names = imported_names(path, for_types=False) & set(ours)
        # `from package import module` needs the module; of the package only that it is there.
        graph[module] = {name for name in names if not any(other.startswith(f"{name}.") for other in names)} - {module}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


def test_only_one_file_names_private_modules_of_dagster():
    for path in sources():
        private = {name for name in imported_names(path) if name.startswith("dagster._")}
        assert not private or path == DAGSTER_INTERNALS, f"{path} imports {sorted(private)}"


def loaded_after(code: str, names: list[str]) -> list[str]:
    code = f"{code}\nimport sys, json; print(json.dumps([n for n in {names!r} if n in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_the_definitions_load_nothing_heavy():
    assert loaded_after("import assets.definitions", [*HEAVY, "matplotlib", "numba", "scipy"]) == []


def test_help_of_the_command_loads_nothing_of_the_pipeline():
    code = "from click.testing import CliRunner; from assets.cli import neuropipe\n"
    code += "assert CliRunner().invoke(neuropipe, ['--help']).exit_code == 0"
    assert loaded_after(code, [*HEAVY, "dagster", "numpy", "pandas", "pydantic", "rich", "assets.pipeline"]) == []


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


def test_no_file_is_too_long_to_hold_one_idea():
    for folder in (*FORBIDDEN, "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, path


@pytest.mark.parametrize("pattern", ["*_time.py", "*_time_*.py", "applies_*.py", "figures_*.py", "test_figures*.py"])
def test_no_file_name_marks_a_variant(pattern):
    folders = (*FORBIDDEN, "benchmarks", "tests")
    assert [str(path) for folder in folders for path in (ROOT / folder).rglob(pattern)] == []

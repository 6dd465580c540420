"""Code versions: what changes them and what does not, on a small tree of sources."""

import importlib.util
import textwrap
from pathlib import Path

import pytest

from resources.store.code_version import code_version, used_modules

FILES = {
    "neuropipe/__init__.py": "",
    "neuropipe/near.py": """
        from neuropipe import far

        def work(x):
            return far.helper(x)
        """,
    "neuropipe/far.py": """
        from neuropipe.pair.left import LEFT

        def helper(x):
            return x + LEFT
        """,
    "neuropipe/pair/__init__.py": "",
    "neuropipe/pair/left.py": "LEFT = 1\n",
    "neuropipe/pair/right.py": "from . import left\nRIGHT = 2\n",
    "neuropipe/plots/__init__.py": "COLOUR = 'red'\n",
    "neuropipe/registry/__init__.py": "NAMES = ['a']\n",
    "stage.py": """
        import json
        from neuropipe import registry
        from neuropipe import plots as figures
        from neuropipe.near import work

        SCALE = 2
        UNUSED = 3

        def scaled(x):
            return SCALE * x

        def stage(x):
            figures.COLOUR
            registry.NAMES
            return scaled(work(x))

        def other(x):
            from neuropipe.pair import right
            return right.RIGHT
        """,
}


@pytest.fixture
def tree(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return Tree(tmp_path)


class Tree:
    def __init__(self, root: Path):
        self.root = root
        self.ticks = 0

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def functions(self):
        """The functions as a fresh process would define them; nothing of neuropipe is imported for the hash."""
        import ast

        text = (self.root / "stage.py").read_text()
        namespace: dict = {}
        body = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
        module = ast.Module(body=body, type_ignores=[])
        exec(compile(module, str(self.root / "stage.py"), "exec"), namespace)
        return namespace

    def version(self, name: str = "stage", plugins=()) -> str:
        return code_version(self.functions()[name], plugins, root=self.root)


def test_modules_are_found_transitively_without_importing_them(tree):
    functions = tree.functions()
    assert used_modules(functions["stage"], root=tree.root) == [
        "neuropipe.far",
        "neuropipe.near",
        "neuropipe.pair.left",
    ]
    assert used_modules(functions["other"], root=tree.root) == ["neuropipe.pair.left", "neuropipe.pair.right"]
    assert used_modules(functions["other"], ["neuropipe.near"], root=tree.root) == [
        "neuropipe.far",
        "neuropipe.near",
        "neuropipe.pair.left",
        "neuropipe.pair.right",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("neuropipe/near.py", "far.helper(x)", "far.helper(x) * 2"),
        ("neuropipe/far.py", "x + LEFT", "x - LEFT"),
        ("neuropipe/pair/left.py", "LEFT = 1", "LEFT = 5"),
        ("stage.py", "SCALE * x", "SCALE + x"),
        ("stage.py", "SCALE = 2", "SCALE = 4"),
        ("stage.py", "return scaled(work(x))", "return work(x)"),
    ],
)
def test_what_the_function_uses_changes_the_version(tree, name, old, new):
    before = tree.version()
    tree.edit(name, old, new)
    assert tree.version() != before
    tree.edit(name, new, old)
    assert tree.version() == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("neuropipe/near.py", "def work(x):", 'def work(x):\n    """Now with a docstring."""'),
        ("neuropipe/near.py", "def work(x):", "# a comment\n\n\ndef work(x):"),
        ("neuropipe/far.py", "from neuropipe", '"""A module docstring."""\nfrom neuropipe'),
        ("neuropipe/plots/__init__.py", "red", "blue"),
        ("neuropipe/registry/__init__.py", "['a']", "['a', 'b']"),
        ("neuropipe/pair/right.py", "RIGHT = 2", "RIGHT = 3"),
        ("stage.py", "UNUSED = 3", "UNUSED = 4"),
        ("stage.py", "right.RIGHT", "right.RIGHT + 1"),
    ],
)
def test_what_the_function_does_not_use_leaves_the_version(tree, name, old, new):
    before = tree.version()
    tree.edit(name, old, new)
    assert tree.version() == before


def test_a_function_that_moved_under_a_running_process_is_refused(tree):
    functions = tree.functions()
    tree.edit("stage.py", "import json", "import json\n" * 30)
    with pytest.raises(LookupError, match="restart the process"):
        code_version(functions["stage"], root=tree.root)


def test_the_science_of_the_project_is_seen_and_its_figures_are_not():
    from assets.stages.tensors.binned import binned

    root = Path(importlib.util.find_spec("resources").submodule_search_locations[0]).parent
    modules = used_modules(binned.function, root=root)
    assert {"neuropipe.binning", "neuropipe.binning.streaming"} <= set(modules)
    assert not {"neuropipe.plots", "neuropipe.registry"} & set(modules)

"""Code versions across modules: what is reached, what may move, plug-ins and stages, and the interface."""

import functools

import pytest

from neuropipe.errors import BadInput
from resources.store.code import Definition, definition_of, reference
from tests.cache.source_tree import SourceTree

ROOT = "neuropipe.m:root"
USES = "def root():\n    return f()\n"
FAR = "def f(): return {}\n"

REACHED = [
    ("from a module", {"m": f"from neuropipe.a import f\n{USES}", "a": FAR}),
    ("under another name", {"m": f"from neuropipe.a import g as f\n{USES}", "a": "def g(): return {}\n"}),
    ("inside the function", {"m": "def root():\n    from neuropipe.a import f\n    return f()\n", "a": FAR}),
    ("relative", {"m": f"from .a import f\n{USES}", "a": FAR}),
    ("relative from the package", {"m": "from . import a\ndef root(): return a.f()\n", "a": FAR}),
    ("module by its alias", {"m": "import neuropipe.a as x\ndef root(): return x.f()\n", "a": FAR}),
    ("module by its whole name", {"m": "import neuropipe.a\ndef root(): return neuropipe.a.f()\n", "a": FAR}),
    ("re-exported", {"m": f"from neuropipe.b import f\n{USES}", "a": FAR, "b": "from neuropipe.a import f\n"}),
    ("star import", {"m": f"from neuropipe.a import *\n{USES}", "a": FAR}),
    ("star re-export", {"m": f"from neuropipe.b import f\n{USES}", "a": FAR, "b": "from neuropipe.a import *\n"}),
    ("literal getattr", {"m": "from neuropipe import a\ndef root(): return getattr(a, 'f')()\n", "a": FAR}),
    ("any getattr", {"m": "from neuropipe import a\ndef root(n): return getattr(a, n)()\n", "a": FAR}),
    ("module as a value", {"m": "from neuropipe import a\ndef root(): return g(a)\ndef g(x): pass\n", "a": FAR}),
    ("vars of a module", {"m": "from neuropipe import a\ndef root(): return a.__dict__\n", "a": FAR}),
    ("import_module", {"m": "import importlib\ndef root(): importlib.import_module('neuropipe.a').f()\n", "a": FAR}),
    ("in a table", {"m": "from neuropipe.a import f\nT = {'f': f}\ndef root(n): return T[n]()\n", "a": FAR}),
    (
        "a fallback",
        {"m": f"try:\n    from fast import f\nexcept ImportError:\n    from neuropipe.a import f\n{USES}", "a": FAR},
    ),
    (
        "a base class",
        {"m": "from neuropipe.a import C\nclass D(C): pass\ndef root(): D()\n", "a": "class C:\n    x = {}\n"},
    ),
    ("__getattr__", {"m": "from neuropipe import a\ndef root(): a.x()\n", "a": "def __getattr__(n): return {}\n"}),
    ("an effect", {"m": f"from neuropipe.a import f\n{USES}", "a": "def f(): pass\nprint({})\n"}),
    ("an effect of what is imported", {"m": "import neuropipe.a\ndef root(): pass\n", "a": "print({})\n"}),
    (
        "an effect far away",
        {"m": "import neuropipe.b\ndef root(): pass\n", "b": "import neuropipe.a\n", "a": "print({})\n"},
    ),
    ("an effect of a local import", {"m": "def root():\n    import neuropipe.a\n", "a": "print({})\n"}),
    ("a signature's class", {"m": "from neuropipe.a import C\ndef root(x: C): pass\n", "a": "class C:\n    x = {}\n"}),
    (
        "a signature's class under TYPE_CHECKING",
        {
            "m": "if TYPE_CHECKING:\n    from neuropipe.a import C\ndef root(x: 'C'): pass\n",
            "a": "class C:\n    x = {}\n",
        },
    ),
]

NOT_REACHED = [
    ("unused import", {"m": "from neuropipe.a import f\ndef root(): pass\n", "a": FAR}),
    ("sibling", {"m": f"from neuropipe.a import f\n{USES}", "a": "def f(): pass\ndef g(): return {}\n"}),
    ("annotation", {"m": "from neuropipe.a import C\ndef f(x: C): pass\ndef root(): f(1)\n", "a": "C = {}\n"}),
    ("shadowed by an argument", {"m": "from neuropipe.a import f\ndef root(f): return f()\n", "a": FAR}),
    ("name of the module", {"m": "from neuropipe import a\ndef root(): return a.__name__\n", "a": FAR}),
    ("plots", {"m": "from neuropipe.plots.x import f\ndef root(): f()\n", "plots/x": FAR}),
    ("module of plots", {"m": "from neuropipe import plots\ndef root(): plots.x.f()\n", "plots/x": FAR}),
    ("text of an error", {"m": "from neuropipe.a import f\ndef root():\n    raise E(f())\n", "a": FAR}),
    ("script", {"m": f"from neuropipe.a import f\n{USES}", "a": "def f(): pass\nif __name__ == '__main__':\n    {}\n"}),
]


def names(cases):
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def two_versions(tmp_path, files):
    tree = SourceTree(tmp_path, {f"neuropipe/{name}.py": text.replace("{}", "1") for name, text in files.items()})
    before = tree.version(ROOT)
    edited = next(name for name, text in files.items() if "{}" in text)
    tree.write(f"neuropipe/{edited}.py", files[edited].replace("{}", "2"))
    return before, tree.version(ROOT)


@pytest.mark.parametrize("files", names(REACHED))
def test_what_is_reached_in_another_module_counts(tmp_path, files):
    before, after = two_versions(tmp_path, files)
    assert before != after


@pytest.mark.parametrize("files", names(NOT_REACHED))
def test_what_is_not_reached_in_another_module_does_not_count(tmp_path, files):
    before, after = two_versions(tmp_path, files)
    assert before == after


def test_where_a_definition_lies_does_not_count(tmp_path):
    recursive = "def f(x):\n    return g(x) if x else f(x - 1)\n"
    helper = f"N = 3\ndef g(x):\n    return x * N\n{recursive}"
    here = SourceTree(tmp_path / "here", {"neuropipe/m.py": helper + USES})
    there = SourceTree(
        tmp_path / "there",
        {
            "neuropipe/m.py": f"from neuropipe.deep.other import f\n{USES}",
            "neuropipe/deep/other.py": f"from neuropipe.deep.scale import g\n{recursive}",
            "neuropipe/deep/scale.py": "from resources.n import N\ndef g(x):\n    return x * N\n",
            "resources/n.py": "N = 3\n",
        },
    )
    assert here.version(ROOT) == there.version(ROOT)
    there.edit("resources/n.py", "3", "4")
    assert here.version(ROOT) != there.version(ROOT)


@pytest.mark.parametrize("difference", ["return 1", "return h()\ndef h(): return 2", "return f()"])
def test_another_function_of_the_same_name_counts_if_it_differs_in_anything(tmp_path, difference):
    tree = SourceTree(
        tmp_path,
        {
            "neuropipe/m.py": f"from neuropipe.a import f\n{USES}",
            "neuropipe/a.py": "def f(): return h()\ndef h(): return 1\n",
            "neuropipe/b.py": f"def f(): {difference}\n",
            "neuropipe/c.py": "def f(): return h()\ndef h(): return 1\n",
        },
    )
    before = tree.version(ROOT)
    tree.edit("neuropipe/m.py", "neuropipe.a", "neuropipe.b")
    assert tree.version(ROOT) != before
    tree.edit("neuropipe/m.py", "neuropipe.b", "neuropipe.c")
    assert tree.version(ROOT) == before, "the same code elsewhere"


def test_circles_that_differ_only_far_away_are_told_apart(tmp_path):
    def circle(n, odd):
        lines = [f"def f{i}(): return f{(i + 1) % n}()" for i in range(n)]
        lines[odd] = lines[odd].replace("return", "return 1 +")
        return "\n".join(lines) + "\ndef root(): return f0()\n"

    found = set()
    for odd in range(12):
        tree = SourceTree(tmp_path / str(odd), {"neuropipe/m.py": circle(12, odd)})
        found.add(tree.version(ROOT))
    assert len(found) == 12


# -- plug-ins and stages ---------------------------------------------------------------------------------------------

PLUGIN = {
    "neuropipe/registry/__init__.py": "def reader(name, **facts): return lambda f: f\n",
    "resources/stage.py": "def memoized(**facts): return lambda f: f\n",
    "neuropipe/m.py": (
        "from neuropipe.registry import reader\nfrom resources.stage import memoized\n"
        "@reader('a', units='mV', slow=True, tools=('numpy',))\ndef root(): return 1\n"
        "@memoized(description='a', applies_to=lambda s: s.one)\ndef stage(): return 1\n"
    ),
}


@pytest.mark.parametrize(
    ("path", "old", "new", "changes"),
    [
        ("neuropipe/m.py", "slow=True", "slow=False", False),
        ("neuropipe/m.py", "('numpy',)", "('scipy',)", False),
        ("neuropipe/m.py", "'a', units", "'b', units", True),
        ("neuropipe/m.py", "'mV'", "'uV'", True),
        ("neuropipe/registry/__init__.py", "f: f", "f: None", False),
    ],
)
def test_of_a_plug_ins_decorator_only_its_name_and_units_count(tmp_path, path, old, new, changes):
    tree = SourceTree(tmp_path, PLUGIN)
    before = tree.version(ROOT)
    tree.edit(path, old, new)
    assert (tree.version(ROOT) != before) == changes


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("neuropipe/m.py", "description='a'", "description='b', group='c'"),
        ("neuropipe/m.py", "s.one", "s.two"),
        ("resources/stage.py", "f: f", "f: None"),
    ],
)
def test_of_a_stages_decorator_nothing_counts(tmp_path, path, old, new):
    tree = SourceTree(tmp_path, PLUGIN)
    before = tree.version("neuropipe.m:stage")
    tree.edit(path, old, new)
    assert tree.version("neuropipe.m:stage") == before


FACTORY = {
    "resources/stage.py": "class Stage: x = 1\ndef stage(**facts): return lambda f: f\n",
    "neuropipe/schema.py": "class Given: x = 1\nclass Made: x = 1\nclass Plugin: x = 1\n",
    "neuropipe/m.py": (
        "from neuropipe.schema import Given, Made, Plugin\nfrom resources.stage import Stage, stage\n"
        "def root(plugin: Plugin) -> Stage:\n"
        "    @stage(name=plugin.name)\n"
        "    def inner(given: Given) -> Made:\n        return 1\n"
        "    return inner\n"
    ),
}


@pytest.mark.parametrize(
    ("path", "old", "new", "changes"),
    [
        ("neuropipe/schema.py", "Given: x = 1", "Given: x = 2", True),
        ("neuropipe/schema.py", "Made: x = 1", "Made: x = 2", False),
        ("neuropipe/schema.py", "Plugin: x = 1", "Plugin: x = 2", False),
        ("resources/stage.py", "Stage: x = 1", "Stage: x = 2", False),
        ("neuropipe/m.py", "return 1", "return 2", True),
        ("neuropipe/m.py", "plugin.name", "plugin.other", False),
    ],
)
def test_a_factory_of_stages_counts_by_what_its_stages_are_given(tmp_path, path, old, new, changes):
    tree = SourceTree(tmp_path, FACTORY)
    before = tree.version(ROOT)
    tree.edit(path, old, new)
    assert (tree.version(ROOT) != before) == changes


def test_a_template_that_is_named_counts(tmp_path):
    tree = SourceTree(tmp_path, {"neuropipe/m.py": "def root():\n    return load('page.html')\n"})
    (tmp_path / "neuropipe" / "templates").mkdir()
    templates = {name: tmp_path / "neuropipe" / "templates" / name for name in ("page.html", "other.html")}
    without = tree.version(ROOT)
    for path in templates.values():
        path.write_text("one")
    before = tree.version(ROOT)
    assert before != without
    templates["other.html"].write_text("two")
    assert tree.version(ROOT) == before
    templates["page.html"].write_text("two")
    assert tree.version(ROOT) != before
    assert templates["page.html"] in tree.now().files([reference(ROOT)])


# -- the interface ---------------------------------------------------------------------------------------------------


def test_definitions_reached_and_their_files(tmp_path):
    tree = SourceTree(
        tmp_path,
        {
            "neuropipe/m.py": (
                "from neuropipe.b import f\ndef root():\n    log.info(t())\n    return f()\ndef t(): pass\n"
            ),
            "neuropipe/a.py": "def f(): return N\nN = 1\n",
            "neuropipe/b.py": "from neuropipe.a import f\n",
        },
    )
    assert tree.reached(ROOT) == {ROOT, "neuropipe.a:f", "neuropipe.a:N"}
    code = tree.now()
    assert code.ignored([reference(ROOT)]) == {Definition("neuropipe.m", "t")}
    names = {str(path.relative_to(tmp_path)) for path in code.files([reference(ROOT)])}
    assert names >= {"neuropipe/m.py", "neuropipe/a.py", "neuropipe/b.py"}, "b decides which f it is"
    assert tree.version(ROOT) == tree.version("neuropipe.m:root"), "32 hex digits"
    assert len(tree.version(ROOT)) == 32
    assert tree.version(ROOT, "neuropipe.b:f") == tree.version("neuropipe.b:f", ROOT) != tree.version(ROOT)


def test_the_definition_of_what_can_be_called():
    def nested():
        pass

    here = __name__
    assert definition_of(names) == Definition(here, "names")
    assert definition_of(SourceTree.edit) == Definition("tests.cache.source_tree", "SourceTree")
    assert definition_of(nested) == Definition(here, "test_the_definition_of_what_can_be_called")
    for refused in (lambda: 1, functools.partial(names, []), object()):
        with pytest.raises(BadInput, match="def"):
            definition_of(refused)
    assert reference("a.b:c") == Definition("a.b", "c")
    for text in ("a.b.c", "a.b:", "a-b:c", ":c", "a:b.c"):
        with pytest.raises(BadInput, match="module:name"):
            reference(text)


def test_a_root_that_is_nowhere_and_source_that_is_broken_are_named(tmp_path):
    tree = SourceTree(tmp_path, {"neuropipe/m.py": "def root(): return 1\n"})
    for missing in ("neuropipe.m:other", "neuropipe.n:root"):
        with pytest.raises(BadInput, match=missing):
            tree.version(missing)
    before = tree.version(ROOT)
    tree.write("neuropipe/n.py", "def other(:\n")
    assert tree.version(ROOT) == before, "what is not reached may be broken"
    with pytest.raises(BadInput, match=r"neuropipe/n.py:1: this is not valid Python"):
        tree.version("neuropipe.n:other")


def test_a_root_outside_of_the_packages_is_followed_into_them(tmp_path):
    tree = SourceTree(tmp_path, {"neuropipe/m.py": "def f(): return 1\n"})
    tree.write("tests/toy.py", "from neuropipe.m import f\ndef stage(): return f()\n")
    first = tree.version("tests.toy:stage")
    tree.edit("neuropipe/m.py", "1", "2")
    second = tree.version("tests.toy:stage")
    tree.edit("tests/toy.py", "f()\n", "-f()\n")
    assert len({first, second, tree.version("tests.toy:stage")}) == 3

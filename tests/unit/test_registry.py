"""Plug-ins are found by reading source: nothing is imported until one is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from neuropipe import decoders, registry
from neuropipe.errors import BadInput
from neuropipe.registry import Registry, check_parameters

PLUGIN = '''
"""A module."""
from somewhere_that_does_not_exist import thing

@{kind}({name!r}, task="classification", tools=("torch",))
class {attribute}:
    """Decodes by guessing.

    More words.
    """

    def __init__(self, *, width: int = 3, shares: tuple[float, ...] = (0.5, -1.0), label=None):
        pass
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of plug-ins beside the real ones; returns a function that writes a module into it."""
    folder = tmp_path / "neuropipe" / "guessers"
    folder.mkdir(parents=True)
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "neuropipe" / "registry" / "__init__.py"))
    registry._discover.cache_clear()

    def write(module: str, text: str) -> Registry:
        (folder / f"{module}.py").write_text(text)
        return Registry("decoder", "neuropipe.guessers")

    yield write
    registry._discover.cache_clear()


def test_a_plugin_is_read_without_being_imported(package):
    plugin = package("guess", PLUGIN.format(kind="decoder", name="guess", attribute="Guesser")).get("guess")
    assert plugin.module == "neuropipe.guessers.guess"
    assert plugin.attribute == "Guesser"
    assert plugin.facts == {"task": "classification", "tools": ("torch",)}
    assert plugin.parameters == {"width": 3, "shares": (0.5, -1.0), "label": None}
    assert plugin.annotations == {"width": "int", "shares": "tuple[float, ...]"}
    assert plugin.summary == "Decodes by guessing."


def test_functions_and_other_kinds(package):
    found = package(
        "two",
        '@decoder("plain")\ndef plain(files, *, rate=2.5):\n    """Reads."""\n'
        '@reader("other")\ndef other(files): pass\n'
        "def helper(): pass\n",
    ).available()
    assert list(found) == ["plain"]
    assert found["plain"].parameters == {"rate": 2.5}
    assert found["plain"].summary == "Reads."


def test_defaults_that_are_no_literals_are_refused_by_place(package):
    guessers = package("bad", '@decoder("bad")\nclass Bad:\n    def __init__(self, *, width=make()): pass\n')
    with pytest.raises(BadInput, match=r"bad\.py:3: width of Bad has the default `make\(\)`; expected a literal"):
        guessers.available()


@pytest.mark.parametrize("arguments", ["NAME", '"bad", tools=(torch,)', ""])
def test_decorators_that_are_no_literals_are_refused_by_place(package, arguments):
    guessers = package("bad", f"@decoder({arguments})\nclass Bad: pass\n")
    with pytest.raises(BadInput, match=r"bad\.py:2: the arguments of Bad's decorator must be a name and literals"):
        guessers.available()


BASES = """
from abc import ABC
from typing import ClassVar

import somewhere_that_does_not_exist as elsewhere

class Plain(ABC, elsewhere.Thing):
    window: tuple[float, ...] = (0.0, -1.5)
    width: int = 64
    dropout: float = 0.5
    required: int
    sees: ClassVar[type] = Plain
    looks = Plain

class Narrow(Plain):
    width: int = 32
    def _network(self, depth: int = 2): pass
"""


def test_parameters_of_bases_in_their_order_with_the_defaults_that_a_class_overrides(package):
    package("bases", BASES)
    package("between", "from neuropipe.guessers.bases import Narrow as Narrower\n")
    text = """
from neuropipe.guessers.between import Narrower

@decoder("deep")
class Deep(Narrower):
    depth: "int | None" = 3
    dropout: float = 0.25
    view = Narrower
"""
    plugin = package("deep", text).get("deep")
    assert list(plugin.parameters.items()) == [("window", (0.0, -1.5)), ("width", 32), ("dropout", 0.25), ("depth", 3)]
    assert plugin.annotations == {
        "window": "tuple[float, ...]",
        "width": "int",
        "dropout": "float",
        "depth": "'int | None'",
    }


def test_a_constructor_of_its_own_is_all_that_counts(package):
    package("bases", BASES)
    text = """
from .bases import Narrow

class Fixed(Narrow, Unknown):
    depth: int = 3
    def __init__(self, *, height=1.5): super().__init__()

@decoder("fixed")
class Same(Fixed): pass
"""
    assert package("fixed", text).get("fixed").parameters == {"height": 1.5}


@pytest.mark.parametrize("base", ["Missing", "bases.Plain", "Gone", "Lost"])
def test_bases_that_are_not_found_are_refused_by_place(package, base):
    package("bases", BASES)
    text = f"""
from neuropipe.guessers import bases
from neuropipe.guessers.bases import Gone
from neuropipe.guessers.nowhere import Lost

@decoder("bad")
class Bad({base}): pass
"""
    guessers = package("bad", text)
    with pytest.raises(BadInput, match=rf"bad\.py:7: the source of {base}, a base of Bad, isn't found; define it in"):
        guessers.available()


def test_attributes_that_are_no_literals_are_refused_where_they_are_declared(package):
    package("bases", "class Base:\n    view: type = View\n")
    guessers = package("bad", 'from neuropipe.guessers.bases import Base\n@decoder("bad")\nclass Bad(Base): pass\n')
    with pytest.raises(BadInput, match=r"bases\.py:2: view of Base has the default `View`.* annotated as ClassVar"):
        guessers.available()


def test_networks_declare_only_what_differs():
    plugin = decoders.available()["token_transformer"]
    assert plugin.parameters["n_components"] == 32
    assert plugin.parameters["mixup"] == 0.0
    assert list(plugin.parameters) == list(decoders.available()["gru"].parameters)
    assert "view" not in plugin.parameters


def test_one_name_twice_is_refused(package):
    package("a", PLUGIN.format(kind="decoder", name="same", attribute="A"))
    guessers = package("b", PLUGIN.format(kind="decoder", name="same", attribute="B"))
    with pytest.raises(BadInput, match=r"two decoders are called 'same': neuropipe\.guessers\.a and .*\.b"):
        guessers.available()


def test_near_names_are_suggested():
    with pytest.raises(BadInput, match="no decoder is called 'xgbost'; did you mean xgboost"):
        decoders.make("xgbost")
    with pytest.raises(BadInput, match="xgboost has no parameter 'n_round'; it has n_rounds"):
        decoders.make("xgboost", n_round=3)
    with pytest.raises(BadInput, match="has no parameter"):
        check_parameters(decoders.available()["rate_logistic"], {"depth": 3})


def test_parameters_reach_the_constructor():
    assert decoders.make("rate_logistic", n_inner_folds=7).n_inner_folds == 7


def test_the_decorator_leaves_the_class_as_it_is_and_marks_it():
    decoder = decoders.available()["rate_logistic"].load()
    assert (decoder.plugin_kind, decoder.plugin_name) == ("decoder", "rate_logistic")
    assert decoder.plugin_facts == {"task": "classification", "input": "counts", "tools": ("numpy", "scikit-learn")}


def test_the_first_decoders_are_there_each_with_a_summary():
    found = decoders.available()
    assert {"logistic_regression", "rate_logistic", "xgboost"} <= set(found)
    assert all(plugin.summary.endswith(".") for plugin in found.values())


def test_listing_decoders_imports_none_of_them():
    heavy = "{'sklearn', 'xgboost', 'torch', 'scipy', 'zarr', 'safetensors'}"
    code = f"import sys; from neuropipe import decoders; decoders.available(); print({heavy} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "set()"

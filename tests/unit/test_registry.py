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
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "neuropipe" / "registry.py"))
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
    with pytest.raises(BadInput, match=r"bad\.py:2: the decorator of Bad and its defaults must be literals"):
        guessers.available()


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

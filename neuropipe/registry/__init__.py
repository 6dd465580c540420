"""Plug-ins: one module with one class or function, announced by one decorator, found by reading its source.

A plug-in is listed without importing its module, so listing decoders never loads torch. The decorator's arguments
must be literals, and so must the defaults of its parameters (see `source_parameters`).

    @decoder("xgboost", task="classification", input="counts", tools=("xgboost",))
    class XGBoostDecoder: ...
"""

import ast
import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from neuropipe.registry.source_parameters import parameters_of, source_path


@dataclass(frozen=True)
class Plugin:
    """What the source of a plug-in says of it.

    name : how users call it; module, attribute : where it is; facts : the decorator's literal keywords;
    parameters : keyword name -> literal default; annotations : keyword name -> source text of its type;
    summary : first line of its docstring.
    """

    name: str
    module: str
    attribute: str
    facts: Mapping[str, Any]
    parameters: Mapping[str, Any]
    annotations: Mapping[str, str]
    summary: str

    def load(self) -> Callable:
        """The class or function itself; imports its module."""
        return getattr(importlib.import_module(self.module), self.attribute)


def _announcer(kind: str) -> Callable:
    def announce(name: str, **facts: Any) -> Callable:
        def mark(target: Callable) -> Callable:
            target.plugin_kind, target.plugin_name, target.plugin_facts = kind, name, facts
            return target

        return mark

    announce.__name__ = kind
    announce.__doc__ = f"Announce a {kind}: `@{kind}(name, **facts)`, every argument a literal."
    return announce


reader = _announcer("reader")
simulator = _announcer("simulator")
decoder = _announcer("decoder")
deconvolver = _announcer("deconvolver")
signal_feature = _announcer("signal_feature")
sorter = _announcer("sorter")
connectivity_method = _announcer("connectivity_method")
score_family = _announcer("score_family")
exporter = _announcer("exporter")


class Registry:
    """The plug-ins of one kind: those announced by `@<kind>(...)` in the modules of one package."""

    def __init__(self, kind: str, package: str):
        self.kind, self.package = kind, package

    def available(self) -> dict[str, Plugin]:
        """Name -> plug-in, sorted by name, read from source."""
        return dict(_discover(self.kind, self.package))

    def get(self, name: str) -> Plugin:
        plugins = self.available()
        if name not in plugins:
            near = difflib.get_close_matches(name, plugins, n=3) or sorted(plugins)
            raise BadInput(f"no {self.kind} is called {name!r}; did you mean {', '.join(near)}?")
        return plugins[name]

    def make(self, name: str, **parameters: Any) -> Any:
        """An instance of plug-in `name`; unknown parameters are refused with the known ones named."""
        plugin = self.get(name)
        check_parameters(plugin, parameters)
        return plugin.load()(**parameters)


def check_parameters(plugin: Plugin, parameters: Mapping[str, Any]) -> None:
    """Refuse keywords that the plug-in does not take."""
    for key in parameters:
        if key not in plugin.parameters:
            near = difflib.get_close_matches(key, plugin.parameters, n=3) or sorted(plugin.parameters)
            raise BadInput(f"{plugin.name} has no parameter {key!r}; it has {', '.join(near)}")


@cache
def _discover(kind: str, package: str) -> Mapping[str, Plugin]:
    root = Path(__file__).resolve().parents[2]
    found: dict[str, Plugin] = {}
    for path in sorted(root.joinpath(*package.split(".")).glob("*.py")):
        module = package if path.stem == "__init__" else f"{package}.{path.stem}"
        for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            call = _announcement(node, kind)
            if call is None:
                continue
            plugin = _read_plugin(node, call, module, root)
            if plugin.name in found:
                raise BadInput(f"two {kind}s are called {plugin.name!r}: {found[plugin.name].module} and {module}")
            found[plugin.name] = plugin
    return dict(sorted(found.items()))


def _announcement(node: ast.ClassDef | ast.FunctionDef, kind: str) -> ast.Call | None:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == kind:
            return mark
    return None


def _read_plugin(node: ast.ClassDef | ast.FunctionDef, call: ast.Call, module: str, root: Path) -> Plugin:
    try:
        (name,) = [ast.literal_eval(argument) for argument in call.args]
        facts = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError as error:
        place = f"{source_path(module, root)}:{node.lineno}"
        raise BadInput(f"{place}: the arguments of {node.name}'s decorator must be a name and literals") from error
    declared = parameters_of(node, module, root)
    parameters = {key: parameter.default for key, parameter in declared.items()}
    annotations = {key: parameter.annotation for key, parameter in declared.items() if parameter.annotation}
    summary = (ast.get_docstring(node) or "").partition("\n")[0]
    return Plugin(name, module, node.name, facts, parameters, annotations, summary)

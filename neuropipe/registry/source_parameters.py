"""The parameters of a plug-in with their defaults, read from its source: nothing is imported.

Those of a function, or of a class's constructor, are its arguments that have a default. A class without a constructor
of its own has what its bases have and, as a dataclass, its annotated attributes with a default that are no ClassVar.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any, NamedTuple

from neuropipe.errors import BadInput

_Declared = Iterable[tuple[str, ast.expr | None, ast.expr | None]]  # name, annotation, default


class Parameter(NamedTuple):
    """A default, and the source text of its type, "" where none is written."""

    default: Any
    annotation: str


def parameters_of(node: ast.ClassDef | ast.FunctionDef, module: str, root: Path) -> dict[str, Parameter]:
    """Name -> parameter, in order, of what a module below `root` defines; bases are followed within its package."""
    parameters = {}
    if isinstance(node, ast.FunctionDef):
        declared = _arguments(node)
    else:
        declared = _constructor_arguments(node)
        if declared is None:
            for base in reversed(node.bases):
                parameters |= _parameters_of_base(node, ast.unparse(base), module, root)
            declared = _fields(node)
    for name, annotation, default in declared:
        if default is not None:
            parameters[name] = Parameter(
                _literal(default, f"{source_path(module, root)}:{default.lineno}: {name} of {node.name}"),
                ast.unparse(annotation) if annotation else "",
            )
    return parameters


def source_path(module: str, root: Path) -> Path:
    """Where the source of a module is, given by its dotted name."""
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _constructor_arguments(node: ast.ClassDef) -> _Declared | None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return _arguments(inner)
    return None


def _arguments(function: ast.FunctionDef) -> _Declared:
    positional, keywords = function.args.args, function.args.kwonlyargs
    defaults = [None] * (len(positional) - len(function.args.defaults)) + function.args.defaults
    pairs = zip(positional + keywords, defaults + function.args.kw_defaults, strict=True)
    return [(argument.arg, argument.annotation, default) for argument, default in pairs]


def _fields(node: ast.ClassDef) -> _Declared:
    annotated = [inner for inner in node.body if isinstance(inner, ast.AnnAssign)]
    return [
        (ast.unparse(field.target), field.annotation, field.value)
        for field in annotated
        if "ClassVar" not in ast.unparse(field.annotation)
    ]


def _literal(default: ast.expr, what: str) -> Any:
    try:
        return ast.literal_eval(default)
    except ValueError as error:
        raise BadInput(
            f"{what} has the default `{ast.unparse(default)}`; expected a literal, for it is read without importing "
            "anything (an attribute that is no parameter is annotated as ClassVar, or not at all)"
        ) from error


def _parameters_of_base(node: ast.ClassDef, base: str, module: str, root: Path) -> dict[str, Parameter]:
    parameters = _parameters_of_name(base, module, root)
    if parameters is None:
        raise BadInput(
            f"{source_path(module, root)}:{node.lineno}: the source of {base}, a base of {node.name}, isn't found; "
            f"define it in the same module, or import it by its name: `from <its module> import {base}`"
        )
    return parameters


@cache
def _parameters_of_name(name: str, module: str, root: Path) -> dict[str, Parameter] | None:
    """Those of the class that a module calls `name`: none if it is another package's; None if there is no such one."""
    path = source_path(module, root)
    for node in ast.parse(path.read_text(encoding="utf-8"), str(path)).body if path.is_file() else []:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return parameters_of(node, module, root)
        for known_as, origin, original in _imported(node, module):
            if known_as == name.partition(".")[0]:
                ours = origin.partition(".")[0] == module.partition(".")[0]
                return _parameters_of_name(original, origin, root) if ours else {}
    return None


def _imported(node: ast.stmt, module: str) -> Iterator[tuple[str, str, str]]:
    """What an import makes known: a name, the module it is from, and its name there ("" for a module itself)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], alias.name, ""
    if isinstance(node, ast.ImportFrom):
        origin = resolve_name("." * node.level + (node.module or ""), module.rpartition(".")[0])
        for alias in node.names:
            yield alias.asname or alias.name, origin, alias.name

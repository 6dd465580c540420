"""Which names are local to a function, class, lambda or comprehension."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from resources.store.code.definitions import Import, Module, checks_types, pattern_names

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Kind(Enum):
    """What a name is where it is read."""

    GLOBAL = 0
    LOCAL = 1
    MAYBE_LOCAL = 2  # bound in a class body, where reading it before finds the global one


@dataclass
class Scope:
    """Names bound in one block; imports : what its import statements bind; globals : names declared global."""

    names: set[str]
    imports: dict[str, list[Import]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    is_class: bool = False


def find(name: str, scopes: list[Scope]) -> tuple[Kind, list[Import]]:
    """What `name` is in the innermost of `scopes`, and what imports in functions bind it to."""
    for depth, scope in enumerate(reversed(scopes)):
        if scope.is_class and depth:
            continue
        if name in scope.globals:
            return Kind.GLOBAL, []
        if name in scope.imports:
            return Kind.MAYBE_LOCAL if scope.is_class else Kind.LOCAL, scope.imports[name]
        if name in scope.names:
            return Kind.MAYBE_LOCAL if scope.is_class else Kind.LOCAL, []
    return Kind.GLOBAL, []


def block_scope(
    body: Iterable[ast.AST], module: Module, arguments: Iterable[str] = (), is_class: bool = False
) -> Scope:
    """The scope of a function's or class's body."""
    scope = Scope(set(arguments), is_class=is_class)
    not_here: set[str] = set()
    for node in body:
        _collect(node, scope, not_here, module)
    scope.names -= not_here
    return scope


def comprehension_scope(node: Any) -> Scope:
    """The scope of a comprehension: the names that its `for`s bind."""
    return Scope({each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)})


def argument_names(arguments: ast.arguments) -> list[str]:
    """The names of all arguments, in order."""
    every = (*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg)
    return [each.arg for each in every if each is not None]


def _collect(node: ast.AST, scope: Scope, not_here: set[str], module: Module) -> None:
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            scope.names.add(node.id)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        scope.names.add(node.name)
        for outside in (*node.decorator_list, *_evaluated_outside(node)):
            _collect(outside, scope, not_here, module)
        return
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for name, origin in module.imported(node):
            scope.imports.setdefault(name, []).append(origin)
        return
    elif isinstance(node, ast.Lambda):
        for default in _evaluated_outside(node):
            _collect(default, scope, not_here, module)
        return
    elif isinstance(node, COMPREHENSIONS):
        _collect_walruses(node, scope)
        return
    elif isinstance(node, ast.Global):
        scope.globals |= set(node.names)
        return
    elif isinstance(node, ast.Nonlocal):
        not_here |= set(node.names)
        return
    elif isinstance(node, ast.ExceptHandler) and node.name:
        scope.names.add(node.name)
    elif isinstance(node, ast.match_case):
        scope.names |= set(pattern_names(node.pattern))
    elif isinstance(node, ast.If) and checks_types(node.test):
        for inner in node.orelse:
            _collect(inner, scope, not_here, module)
        return
    for child in ast.iter_child_nodes(node):
        _collect(child, scope, not_here, module)


def _evaluated_outside(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions of a function, class or lambda that belong to the block around it."""
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from (keyword.value for keyword in node.keywords)
        return
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)


def _collect_walruses(node: ast.AST, scope: Scope) -> None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.NamedExpr):
            scope.names.add(inner.target.id)

"""Split the source of a module into its definitions: nothing is imported.

A definition is everything at module level that binds one name: a function, a class, or the assignments to a constant,
also those inside `if`, `try`, `with` and loops. Statements that bind nothing but do something are the module's effects.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from neuropipe.errors import BadInput

EFFECTS, WHOLE = "<effects>", "<module>"  # names of what a module does on import, and of all that it defines

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Definition:
    """A name at the top level of a module."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def reference(text: str) -> Definition:
    """The definition written as `package.module:name`."""
    module, colon, name = text.partition(":")
    if not (colon and name.isidentifier() and all(part.isidentifier() for part in module.split("."))):
        raise BadInput(f"{text!r} names no definition; expected `package.module:name`")
    return Definition(module, name)


def definition_of(target: Callable) -> Definition:
    """The top-level definition that holds a function, class or method; of a nested function, the outermost one."""
    module, qualname = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str):
        raise BadInput(
            f"{target!r} has no source of its own that a code version could cover (a partial or an object that can be "
            "called); give a function or class defined with `def` or `class`"
        )
    if qualname.endswith("<lambda>"):
        raise BadInput(f"a lambda of {module} cannot be found by its name; define it with `def`")
    if module == "__main__":
        raise BadInput(f"{qualname} is defined in the script that runs; move it into a module that can be imported")
    return Definition(module, qualname.partition(".")[0])


class Import(NamedTuple):
    """What an import binds: a module (name None), or the name in a module."""

    module: str
    name: str | None


class Header(NamedTuple):
    """A compound statement around another: the statement, the field that holds the other, and its handler or case."""

    node: ast.stmt
    branch: str
    part: Any


class Piece(NamedTuple):
    """A statement at module level, with the compound statements around it."""

    around: tuple[Header, ...]
    statement: ast.stmt


@dataclass
class Module:
    """The definitions of one module.

    pieces : name -> the statements that bind it; imports : name -> what it may be imported from; typing_imports : the
    same under TYPE_CHECKING; stars : modules whose names are all imported; effects : statements that do something on
    import; decorated : functions and classes with decorators, which may register them somewhere; loads : dotted names
    that importing the module may load.
    """

    name: str
    is_package: bool
    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    typing_imports: dict[str, list[Import]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    effects: list[Piece] = field(default_factory=list)
    decorated: list[Piece] = field(default_factory=list)
    loads: set[str] = field(default_factory=set)

    def imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
        """(name that is bound, what it is bound to) of an import statement; the name is * for a star import."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, Import(alias.name, None)) if alias.asname else (first, Import(first, None))
            return
        base = node.module or ""
        if node.level:
            parts = self.name.split(".")
            kept = parts[: len(parts) - node.level + self.is_package]
            base = ".".join([*kept, *filter(None, [node.module])])
        for alias in node.names:
            yield alias.asname or alias.name, Import(base, alias.name)

    def modules_of(self, node: ast.Import | ast.ImportFrom) -> set[str]:
        """Dotted names that an import statement may load as modules."""
        if isinstance(node, ast.Import):
            return {alias.name for alias in node.names}
        return {name for _, (base, attribute) in self.imported(node) for name in (base, f"{base}.{attribute}")}


def parse(source: bytes, name: str, is_package: bool, path: str) -> Module:
    """The definitions of a module, given its source and its dotted name."""
    try:
        tree = ast.parse(source, path)
    except (SyntaxError, ValueError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise BadInput(f"{path}{line}: this is not valid Python ({error.args[0]}); correct it and run again") from error
    module = Module(name, is_package)
    _collect(tree.body, (), module)
    return module


def checks_types(test: ast.expr) -> bool:
    """Whether a condition is TYPE_CHECKING."""
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _collect(body: list[ast.stmt], around: tuple[Header, ...], module: Module) -> None:
    for node in body:
        _bind(module, _walrus_targets(node), Piece(around, node))
        if isinstance(node, _Function | ast.ClassDef):
            _bind(module, [node.name], Piece(around, node))
            if node.decorator_list:
                module.decorated.append(Piece(around, node))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            _import(node, module, module.imports)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            _assign(node, around, module)
        elif isinstance(node, ast.Delete):
            _bind(module, _names(node.targets), Piece(around, node))
        elif isinstance(node, ast.Expr):
            if not isinstance(node.value, ast.Constant):
                module.effects.append(Piece(around, node))
        elif isinstance(node, ast.If) and checks_types(node.test):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    _import(inner, module, module.typing_imports)
            _collect(node.orelse, around, module)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'":
            _collect(node.orelse, around, module)
        elif hasattr(ast, "TypeAlias") and isinstance(node, ast.TypeAlias):
            _bind(module, [node.name.id], Piece(around, node))
        else:
            _collect_compound(node, around, module)


def _collect_compound(node: ast.stmt, around: tuple[Header, ...], module: Module) -> None:
    if isinstance(node, ast.For | ast.AsyncFor):
        _bind(module, _names([node.target]), Piece((*around, Header(node, "target", None)), ast.Pass()))
    elif isinstance(node, ast.With | ast.AsyncWith):
        targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
        _bind(module, _names(targets), Piece((*around, Header(node, "target", None)), ast.Pass()))
        if not targets:  # what a context manager does on entry
            module.effects.append(Piece((*around, Header(node, "body", None)), ast.Pass()))
    for branch in ("body", "orelse", "finalbody"):
        _collect(getattr(node, branch, []), (*around, Header(node, branch, None)), module)
    for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
        inner = (*around, Header(node, "part", part))
        _bind(module, _captured(part), Piece(inner, ast.Pass()))
        _collect(part.body, inner, module)


def _captured(part: ast.ExceptHandler | ast.match_case) -> list[str]:
    if isinstance(part, ast.ExceptHandler):
        return [part.name] if part.name else []
    return list(pattern_names(part.pattern))


def pattern_names(pattern: ast.AST) -> Iterator[str]:
    """The names that a pattern of `match` binds."""
    for node in ast.walk(pattern):
        if isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _assign(node: ast.Assign | ast.AnnAssign | ast.AugAssign, around: tuple[Header, ...], module: Module) -> None:
    if node.value is None:
        return
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        pairs = _pairs(node.targets[0], node.value)
        if len(pairs) > 1:
            for target, value in pairs:
                _assign(ast.Assign(targets=[target], value=value), around, module)
            return
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    _bind(module, _names(targets), Piece(around, node))
    if any(isinstance(each, ast.Attribute | ast.Subscript) for target in targets for each in _flat(target)):
        module.effects.append(Piece(around, node))


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """`a, b = 1, 2` as a = 1 and b = 2, where both sides are written out."""
    both = isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)
    if not both or len(target.elts) != len(value.elts):
        return [(target, value)]
    if any(isinstance(each, ast.Starred) for each in (*target.elts, *value.elts)):
        return [(target, value)]
    return [pair for left, right in zip(target.elts, value.elts, strict=True) for pair in _pairs(left, right)]


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _flat(each)
    elif isinstance(target, ast.Starred):
        yield from _flat(target.value)
    else:
        yield target


def _names(targets: list[ast.expr]) -> list[str]:
    return [each.id for target in targets for each in _flat(target) if isinstance(each, ast.Name)]


def _walrus_targets(node: ast.stmt) -> list[str]:
    """Names bound by := at module level in the expressions of a statement, without those of the statements in it."""
    if isinstance(node, _Function | ast.ClassDef):
        return []
    found, waiting = [], [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr | ast.withitem)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.NamedExpr):
            found.append(each.target.id)
        if not isinstance(each, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(each))
    return found


def _bind(module: Module, names: list[str], piece: Piece) -> None:
    for name in dict.fromkeys(names):
        module.pieces.setdefault(name, []).append(piece)


def _import(node: ast.Import | ast.ImportFrom, module: Module, into: dict[str, list[Import]]) -> None:
    for name, origin in module.imported(node):
        if name == "*":
            module.stars.append(origin.module)
        elif origin not in into.setdefault(name, []):
            into[name].append(origin)
    if into is module.imports:
        module.loads |= module.modules_of(node)

"""Write the names in expressions: what is local as it is called, everything else as a `Use` to be resolved."""

import ast
from collections.abc import Iterable
from typing import Any, NamedTuple

from resources.store.code.definitions import WHOLE, Import, Module
from resources.store.code.rules import Neutral
from resources.store.code.scopes import Kind, Scope, find

_READS_ALL_NAMES = {"globals": 0, "vars": 0, "eval": 1, "exec": 1}  # with so many arguments
_MUTATORS = frozenset({"add", "append", "extend", "insert", "register", "setdefault", "update"})


class Use(NamedTuple):
    """A name that is not local, with the attributes that follow it.

    imports : what imports inside the function bind the name to; empty for a name of the module.
    role : "" for plain reading, "raised" for what a `raise` calls, "annotation" for what may come from TYPE_CHECKING.
    """

    name: str
    imports: tuple[Import, ...]
    chain: tuple[str, ...]
    role: str = ""


class DataFile(NamedTuple):
    """A text that may name a file in the package of a module, such as a template."""

    name: str


class Decorated(NamedTuple):
    """A decorator: what it is, its arguments apart, and all of it as it stands."""

    use: Use
    positional: tuple
    keywords: tuple[tuple[str, tuple], ...]
    plain: tuple


def global_use(node: ast.expr) -> Use | None:
    """A decorator of a module's definition as the name that it is, without its arguments."""
    target = node.func if isinstance(node, ast.Call) else node
    chain = []
    while isinstance(target, ast.Attribute):
        chain.append(target.attr)
        target = target.value
    return Use(target.id, (), tuple(reversed(chain))) if isinstance(target, ast.Name) else None


class NameWriter:
    """Appends the tokens of names, attributes and calls to `out`; other nodes are written by subclasses."""

    def __init__(self, module: Module, packages: frozenset[str], neutral: Neutral):
        self.module, self.packages, self.neutral = module, packages, neutral
        self.out: list[Any] = []
        self.dropped: list[Use] = []
        self.loads: set[str] = set()
        self.scopes: list[Scope] = []
        self.mutates = False
        self.in_annotation = False
        self.in_try = 0

    def visit(self, node: ast.AST) -> None:
        """Write any node."""
        raise NotImplementedError

    def field(self, value: Any) -> None:
        """Write a node, a list or a plain value."""
        raise NotImplementedError

    def drop(self, node: ast.AST | None) -> None:
        """Leave an expression out, but keep what it uses apart."""
        if node is None or isinstance(node, ast.Constant):
            return
        self.dropped.extend(_uses(self.apart(node)))

    def apart(self, node: ast.AST) -> tuple:
        """The tokens of a node, not yet part of the rest."""
        out, self.out = self.out, []
        self.visit(node)
        apart, self.out = tuple(self.out), out
        return apart

    def name(self, node: ast.Name) -> None:
        kind, imports = find(node.id, self.scopes)
        if not isinstance(node.ctx, ast.Load) and not (kind is Kind.GLOBAL and self.scopes):
            self.out.append(f"n:{node.id}")
            return
        if imports:
            self.out.append(Use(node.id, tuple(imports), (), self._role()))
        elif kind is not Kind.GLOBAL:
            self.out.append(f"n:{node.id}")
        if kind is not Kind.LOCAL and not imports:
            self.out.append(Use(node.id, (), (), self._role()))

    def attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            use = self.as_use(node)
            if use is not None:
                self.out.append(use)
                return
        self.note_mutation(node)
        self.visit(node.value)
        self.out.append(f".{node.attr}")

    def call(self, node: ast.Call) -> None:
        if self.logs(node):
            self.out.append("(log)")
            for argument in (node.func, *node.args, *node.keywords):
                self.drop(argument)
            return
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in _MUTATORS and self._root_is_global(function):
            self.mutates = True
        if isinstance(function, ast.Name) and find(function.id, self.scopes)[0] is Kind.GLOBAL:
            literal = self._literal_getattr(node) if function.id == "getattr" else None
            if literal is not None:
                self.out.append(literal)
                self.field(node.args[2:])
                return
            if len(node.args) == _READS_ALL_NAMES.get(function.id):
                self.out.append(Use("", (), (WHOLE,)))
        imported = self._imported_module(node)
        if imported is not None:
            self.out.append(imported)
        self.out.append("(Call")
        self.visit(function)
        self.field(node.args)
        for keyword in node.keywords:
            if keyword.arg in self.neutral.keywords and _is_text(keyword.value):
                self.drop(keyword.value)
            else:
                self.visit(keyword)
        self.out.append(")")

    def logs(self, node: ast.expr) -> bool:
        """Whether an expression is a log sentence or a warning."""
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        if isinstance(function, ast.Name):  # from warnings import warn
            kind, imports = find(function.id, self.scopes)
            origins = imports or (self.module.imports.get(function.id, []) if kind is Kind.GLOBAL else [])
            return any(each == Import("warnings", "warn") for each in origins)
        if not isinstance(function, ast.Attribute) or function.attr not in self.neutral.log_methods:
            return False
        holder = function.value
        name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", None)
        return name in self.neutral.logs

    def _literal_getattr(self, node: ast.Call) -> Use | None:
        if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant) or not isinstance(node.args[1].value, str):
            return None
        use = self.as_use(node.args[0])
        return use and use._replace(chain=(*use.chain, node.args[1].value))

    def _imported_module(self, node: ast.Call) -> Use | None:
        """The module of ours that `importlib.import_module("...")` or `__import__("...")` names by a literal."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        if name not in ("import_module", "__import__") or not isinstance(first, ast.Constant):
            return None
        if not isinstance(first.value, str) or first.value.partition(".")[0] not in self.packages:
            return None
        self.loads.add(first.value)
        return Use("", (Import(first.value, None),), ())

    def as_use(self, node: ast.expr) -> Use | None:
        """A chain of attributes that begins at a global or imported name."""
        chain = []
        while isinstance(node, ast.Attribute):
            chain.append(node.attr)
            node = node.value
        chain = tuple(reversed(chain))
        if isinstance(node, ast.Call):
            imported = self._imported_module(node)
            return imported and imported._replace(chain=chain)
        if not isinstance(node, ast.Name):
            return None
        kind, imports = find(node.id, self.scopes)
        if imports:
            return Use(node.id, tuple(imports), chain, self._role())
        return Use(node.id, (), chain, self._role()) if kind is Kind.GLOBAL else None

    def _role(self) -> str:
        return "annotation" if self.in_annotation else ""

    def note_mutation(self, node: ast.Attribute | ast.Subscript) -> None:
        if not isinstance(node.ctx, ast.Load) and self._root_is_global(node):
            self.mutates = True

    def _root_is_global(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and find(node.id, self.scopes)[0] is Kind.GLOBAL


def _uses(tokens: Iterable[Any]) -> list[Use]:
    found = []
    for token in tokens:
        if isinstance(token, Use):
            found.append(token)
        elif isinstance(token, Decorated):
            found += [token.use, *_uses(token.plain)]
    return found


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) and _is_text(node.right)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))

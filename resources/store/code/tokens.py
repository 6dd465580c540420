"""Write a definition as tokens that hold what it does and nothing else.

Left out: docstrings, comments, annotations outside class bodies, texts of errors and assertions, log statements,
descriptions. A name that is not local becomes a `Use`, which `references` resolves, so that the tokens do not depend on
where anything lies or how it is imported.
"""

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from resources.store.code.definitions import Header, Module, Piece, checks_types
from resources.store.code.names import DataFile, Decorated, NameWriter, Use
from resources.store.code.rules import Neutral
from resources.store.code.scopes import (
    COMPREHENSIONS,
    Scope,
    argument_names,
    block_scope,
    comprehension_scope,
)

_MAY_BE_A_FILE = re.compile(r"[\w./-]{1,200}\.\w{1,8}")
_SKIPPED_FIELDS = frozenset({"ctx", "type_comment", "type_ignores", "kind"})


class Written(NamedTuple):
    """The tokens of a definition.

    dropped : names used in what was left out; loads : modules that its own imports load; mutates : whether it changes
    a global name or what one holds.
    """

    tokens: tuple
    dropped: tuple[Use, ...]
    loads: frozenset[str]
    mutates: bool


def write(pieces: Iterable[Piece], module: Module, packages: frozenset[str], neutral: Neutral) -> Written:
    """The tokens of all statements that bind a name."""
    writer = _Writer(module, packages, neutral)
    for piece in pieces:
        for header in piece.around:
            writer.header(header)
        writer.statements([piece.statement])
    return writer.written()


def write_signature(node: ast.AST, module: Module, packages: frozenset[str], neutral: Neutral) -> Written:
    """What the annotations of a function's arguments use; of a factory of stages, those of the stages in it."""
    writer = _Writer(module, packages, neutral)
    functions = [each for each in ast.walk(node) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    stages = [each for each in functions if _describes_a_stage(each, neutral)]
    for function in stages or [each for each in functions if each is node]:
        arguments = function.args
        every = (*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg)
        for annotation in (each.annotation for each in every if each is not None):
            if annotation is not None:
                writer.annotation(annotation)
    return writer.written()


def _describes_a_stage(node: ast.FunctionDef | ast.AsyncFunctionDef, neutral: Neutral) -> bool:
    names = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any((getattr(each, "attr", None) or getattr(each, "id", None)) in neutral.decorators for each in names)


class _Writer(NameWriter):
    def written(self) -> Written:
        return Written(tuple(self.out), tuple(self.dropped), frozenset(self.loads), self.mutates)

    # -- statements ---------------------------------------------------------------------------------------------------

    def header(self, header: Header) -> None:
        """A compound statement around a piece: its condition, without what else it holds."""
        node = header.node
        self.out.append(f"<{type(node).__name__}.{header.branch}")
        for name in ("test", "target", "iter", "items", "subject"):
            self.field(getattr(node, name, None))
        if isinstance(header.part, ast.ExceptHandler):
            self.field(header.part.type)
        elif header.part is not None:
            self.field(header.part.pattern)
            self.field(header.part.guard)
        if isinstance(node, ast.Try) and header.branch != "body":  # what was tried decides whether this runs
            self.in_try += 1
            self.statements(node.body)
            self.in_try -= 1
        self.out.append(">")

    def statements(self, body: Iterable[ast.stmt]) -> None:
        self.out.append("{")
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node)
            elif isinstance(node, ast.Expr) and (isinstance(node.value, ast.Constant) or self.logs(node.value)):
                self.drop(node.value)
            elif isinstance(node, ast.If) and checks_types(node.test):
                self.statements(node.orelse)
            elif not isinstance(node, ast.Pass):
                self.visit(node)
        self.out.append("}")

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        names = self.module.modules_of(node)
        self.loads |= names
        if self.in_try:  # whether it can be imported may decide what is done
            self.out.extend(f"import {name}" for name in sorted(names) if name.partition(".")[0] not in self.packages)

    # -- nodes --------------------------------------------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        handler = _HANDLERS.get(type(node))
        if handler is not None:
            handler(self, node)
        else:
            self._generic(node)

    def _generic(self, node: ast.AST) -> None:
        self.out.append(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if name in _SKIPPED_FIELDS or value is None:
                continue
            if name in ("body", "orelse", "finalbody") and isinstance(value, list):
                self.statements(value)
            else:
                self.field(value)
        self.out.append(")")

    def field(self, value: Any) -> None:
        if isinstance(value, ast.AST):
            self.visit(value)
        elif isinstance(value, list):
            self.out.append("[")
            for each in value:
                self.field(each)
            self.out.append("]")
        elif value is not None:
            self.out.append(repr(value))
        else:
            self.out.append("-")

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.out.append(f"({type(node).__name__} {node.name}")
        self._decorators(node.decorator_list)
        self._arguments(node.args)
        self.scopes.append(block_scope(node.body, self.module, argument_names(node.args)))
        outer, self.in_try = self.in_try, 0
        self.statements(node.body)
        self.in_try = outer
        self.scopes.pop()
        self.out.append(")")

    def lambda_(self, node: ast.Lambda) -> None:
        self.out.append("(Lambda")
        self._arguments(node.args)
        self.scopes.append(Scope(set(argument_names(node.args))))
        self.visit(node.body)
        self.scopes.pop()
        self.out.append(")")

    def _arguments(self, arguments: ast.arguments) -> None:
        positional = len(arguments.posonlyargs), len(arguments.args), len(arguments.kwonlyargs)
        star = bool(arguments.vararg), bool(arguments.kwarg)
        self.out.append(f"{positional} {star} {' '.join(argument_names(arguments))}")
        self.field(arguments.defaults)
        self.field(arguments.kw_defaults)

    def class_(self, node: ast.ClassDef) -> None:
        self.out.append(f"(ClassDef {node.name}")
        self._decorators(node.decorator_list)
        self.field(node.bases)
        self.field(node.keywords)
        self.scopes.append(block_scope(node.body, self.module, is_class=True))
        self.statements(node.body)
        self.scopes.pop()
        self.out.append(")")

    def _decorators(self, decorators: list[ast.expr]) -> None:
        for node in decorators:
            call = node if isinstance(node, ast.Call) else ast.Call(func=node, args=[], keywords=[])
            use = self.as_use(call.func)
            if use is None:
                self.visit(node)
                continue
            keywords = tuple((each.arg or "**", self.apart(each.value)) for each in call.keywords)
            positional = tuple(token for each in call.args for token in self.apart(each))
            self.out.append(Decorated(use, positional, keywords, self.apart(node)))

    def comprehension(self, node: Any) -> None:
        self.out.append(f"({type(node).__name__}")
        self.visit(node.generators[0].iter)
        self.scopes.append(comprehension_scope(node))
        for number, part in enumerate(node.generators):
            self.out.append(f"for {part.is_async}")
            self.visit(part.target)
            if number:
                self.visit(part.iter)
            self.field(part.ifs)
        for name in ("elt", "key", "value"):
            self.field(getattr(node, name, None))
        self.scopes.pop()
        self.out.append(")")

    def annotated(self, node: ast.AnnAssign) -> None:
        in_class = bool(self.scopes) and self.scopes[-1].is_class
        if not in_class and node.value is None:
            return
        self.out.append("(Assign")
        self.field([node.target])
        if in_class:
            self.annotation(node.annotation)
        self.field(node.value)
        self.out.append(")")

    def annotation(self, node: ast.expr) -> None:
        """An annotation that counts; texts in it are read as code, but for those of a Literal."""
        self.in_annotation = True
        self.visit(node)
        self.in_annotation = False

    def subscript(self, node: ast.Subscript) -> None:
        self.note_mutation(node)
        inside = self.in_annotation
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        if inside and name == "Literal":
            self.in_annotation = False
        self._generic(node)
        self.in_annotation = inside

    def constant(self, node: ast.Constant) -> None:
        if self.in_annotation and isinstance(node.value, str):
            try:
                self.visit(ast.parse(node.value, mode="eval").body)
                return
            except SyntaxError:
                pass
        self.out.append(repr(node.value))
        if isinstance(node.value, str) and _MAY_BE_A_FILE.fullmatch(node.value):
            self.out.append(DataFile(node.value))

    def raise_(self, node: ast.Raise) -> None:
        self.out.append("(Raise")
        error = node.exc
        if isinstance(error, ast.Call):
            use = self.as_use(error.func)
            if use is not None:
                self.out.append(use._replace(role="raised"))
            elif isinstance(error.func, ast.Name):
                self.visit(error.func)
            for argument in (*error.args, *error.keywords):
                self.drop(argument)
        elif error is not None:
            self.visit(error)
        self.drop(node.cause)
        self.out.append(")")

    def assert_(self, node: ast.Assert) -> None:
        self.out.append("(Assert")
        self.visit(node.test)
        self.drop(node.msg)
        self.out.append(")")

    def try_(self, node: Any) -> None:
        self.out.append(f"({type(node).__name__}")
        self.in_try += 1
        self.statements(node.body)
        self.in_try -= 1
        self.field(node.handlers)
        self.statements(node.orelse)
        self.statements(node.finalbody)
        self.out.append(")")

    def global_(self, node: ast.Global) -> None:
        self.mutates = True
        self.out.append("(Global")
        self.out.extend(Use(name, (), ()) for name in node.names)
        self.out.append(")")


_HANDLERS: dict[type, Callable[[_Writer, Any], None]] = {
    ast.FunctionDef: _Writer.function,
    ast.AsyncFunctionDef: _Writer.function,
    ast.ClassDef: _Writer.class_,
    ast.Lambda: _Writer.lambda_,
    ast.AnnAssign: _Writer.annotated,
    ast.Subscript: _Writer.subscript,
    ast.Constant: _Writer.constant,
    ast.Raise: _Writer.raise_,
    ast.Assert: _Writer.assert_,
    ast.Try: _Writer.try_,
    ast.TryStar: _Writer.try_,
    ast.Global: _Writer.global_,
    ast.Name: _Writer.name,
    ast.Attribute: _Writer.attribute,
    ast.Call: _Writer.call,
    **dict.fromkeys(COMPREHENSIONS, _Writer.comprehension),
}

"""Code versions computed from source: a hash of a function and of all our code that it uses, nothing imported.

What counts is the AST without comments and docstrings of (1) the function, (2) the names of its own module that it
uses, transitively, and (3) every module of neuropipe or assets that these import, transitively, as whole modules. What
never counts: the registry (so that adding a decoder leaves its siblings alone), figures (so that restyling one reruns
nothing) and anything else (third-party versions are named by the stage instead).
"""

import ast
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = frozenset({"neuropipe", "assets"})
EXCLUDED = frozenset({"neuropipe.registry", "neuropipe.errors"})
FIGURES = "neuropipe.plots"  # and all modules whose names begin so


def code_version(function: Callable, plugin_modules: Iterable[str] = (), root: Path = ROOT) -> str:
    """16 hex digits that change when what `function` computes may have changed.

    plugin_modules : dotted names of the plug-ins that the function makes at run time.
    """
    path = Path(function.__code__.co_filename)
    parts, modules = _function_parts(path, function.__name__, function.__code__.co_firstlineno, root)
    closure = _closure(modules | set(plugin_modules), root)
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
    for module in sorted(closure):
        digest.update(module.encode() + _module_digest(_module_path(module, root)))
    return digest.hexdigest()[:16]


def used_modules(function: Callable, plugin_modules: Iterable[str] = (), root: Path = ROOT) -> list[str]:
    """The modules whose text enters `code_version`."""
    path = Path(function.__code__.co_filename)
    _, modules = _function_parts(path, function.__name__, function.__code__.co_firstlineno, root)
    return sorted(_closure(modules | set(plugin_modules), root))


def _closure(modules: set[str], root: Path) -> set[str]:
    seen: set[str] = set()
    waiting = [module for module in modules if _counts(module)]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        imported = _module_imports(_module_path(module, root), module, root) - seen
        waiting.extend(other for other in imported if _counts(other))
    return seen


def _counts(module: str) -> bool:
    return module not in EXCLUDED and not module.startswith(FIGURES)


def _function_parts(path: Path, name: str, line: int, root: Path) -> tuple[list[str], set[str]]:
    """Source of the function and of the same-module definitions it uses, and our modules that they import."""
    tree = _parse(path, path.stat().st_mtime_ns)
    definitions, imports = _top_level(tree, root)
    target = _find_function(tree, name, line)
    waiting, used_names, parts, modules = [target], {name}, [], set()
    while waiting:
        node = waiting.pop()
        parts.append(_dump(node))
        modules |= _imports_of(node, "", root)
        for used in sorted(_names(node) - used_names):
            used_names.add(used)
            if used in definitions:
                waiting.append(definitions[used])
            modules |= imports.get(used, set())
    return sorted(parts), modules


def _find_function(tree: ast.Module, name: str, line: int) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= line <= node.lineno:
                return node
    raise LookupError(f"the source of {name} is not where it was when it was imported; restart the process")


def _top_level(tree: ast.Module, root: Path) -> tuple[dict[str, ast.AST], dict[str, set[str]]]:
    definitions: dict[str, ast.AST] = {}
    imports: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    definitions[target.id] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found = _alias_modules(node, alias, "", root)
                imports[alias.asname or alias.name.partition(".")[0]] = found
    return definitions, imports


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _imports_of(tree: ast.AST, module: str, root: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found |= _alias_modules(node, alias, module, root)
    return found


def _alias_modules(node: ast.Import | ast.ImportFrom, alias: ast.alias, module: str, root: Path) -> set[str]:
    if isinstance(node, ast.Import):
        base, name = alias.name, None
    else:
        base, name = node.module or "", alias.name
        if node.level:
            package = module.split(".")
            is_package = _module_path(module, root).name == "__init__.py"
            kept = package[: len(package) - node.level + is_package]
            base = ".".join([*kept, *([node.module] if node.module else [])])
    if base.partition(".")[0] not in PACKAGES:
        return set()
    if name is not None and (submodule := f"{base}.{name}") and _exists(submodule, root):
        return {submodule}
    return {base} if _exists(base, root) else set()


def _exists(module: str, root: Path) -> bool:
    return _module_path(module, root).is_file()


def _module_path(module: str, root: Path) -> Path:
    base = root.joinpath(*module.split("."))
    package = base / "__init__.py"
    return package if package.is_file() else base.with_suffix(".py")


def _module_imports(path: Path, module: str, root: Path) -> set[str]:
    return set(_cached_imports(path, path.stat().st_mtime_ns, module, root))


@cache
def _cached_imports(path: Path, _modified: int, module: str, root: Path) -> frozenset[str]:
    return frozenset(_imports_of(_parse(path, _modified), module, root))


def _module_digest(path: Path) -> bytes:
    return _cached_digest(path, path.stat().st_mtime_ns)


@cache
def _cached_digest(path: Path, _modified: int) -> bytes:
    return hashlib.sha256(_dump(_parse(path, _modified)).encode()).digest()


@cache
def _parse(path: Path, _modified: int) -> ast.Module:
    return _without_docstrings(ast.parse(path.read_text(encoding="utf-8"), str(path)))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list) or not isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            continue
        first = body[0] if body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = body[1:]
    return tree


def _dump(node: ast.AST) -> str:
    return ast.dump(node, include_attributes=False)

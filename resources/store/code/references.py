"""Resolve the names that definitions use to other definitions of ours, or to what they are called elsewhere."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from resources.store.code.definitions import EFFECTS, WHOLE, Definition, Import, Module
from resources.store.code.names import DataFile, Decorated, Use, global_use
from resources.store.code.rules import Neutral
from resources.store.code.tokens import Written, write, write_signature

_OF_EVERY_MODULE = frozenset(
    {"__cached__", "__doc__", "__file__", "__loader__", "__name__", "__package__", "__path__", "__spec__"}
)
_NEUTRAL = "neutral"


class Linked(NamedTuple):
    """A definition with its names resolved.

    text : hash of its tokens; uses : definitions of ours, in the order of use; dropped : definitions used only in what
    does not count; modules : modules that the names were looked up in; loads : modules that its own imports load;
    data : files of its package that it names.
    """

    text: str
    uses: tuple[Definition, ...]
    dropped: tuple[Definition, ...]
    modules: frozenset[str]
    loads: frozenset[str]
    data: frozenset[Path] = frozenset()


class Target(NamedTuple):
    """What a name leads to: a definition or module of ours, or else a text that stands for it."""

    definition: Definition | None
    module: str | None
    text: str


class Linker:
    """Resolves names over a set of modules.

    module : dotted name -> its definitions; exists : whether a module of ours has that name; data : module and name ->
    files of its package that the name may mean, with the hash of each.
    """

    def __init__(
        self,
        module: Callable[[str], Module],
        exists: Callable[[str], bool],
        data: Callable[[str, str], Mapping[Path, str]],
        packages: frozenset[str],
        neutral: Neutral,
    ):
        self._module, self._exists, self._data = module, exists, data
        self._packages, self._neutral = packages, neutral
        self._written: dict[Definition, Written] = {}
        self._linked: dict[Definition, Linked] = {}
        self._effects: dict[str, bool] = {}

    def keep(self, older: "Linker", unchanged: Callable[[str], bool]) -> None:
        """Take over what another linker wrote of modules that are still the same."""
        self._written.update((each, written) for each, written in older._written.items() if unchanged(each.module))

    def locate(self, definition: Definition) -> list[Definition]:
        """The definitions that a name of a module leads to, through re-exports too; none where there are none."""
        seen: set[str] = set()
        found = self._attribute(definition.module, definition.name, seen) if self._exists(definition.module) else []
        definitions = [target.definition for target in found if target.definition is not None]
        return [each for each in definitions if each.name not in (WHOLE, "__getattr__") or each == definition]

    def linked(self, definition: Definition) -> Linked:
        """A definition with its names resolved."""
        if definition not in self._linked:
            self._linked[definition] = self._link(definition)
        return self._linked[definition]

    def signature(self, definition: Definition) -> Linked:
        """What the annotations of a function's arguments use."""
        module = self._module(definition.module)
        written = [
            write_signature(piece.statement, module, self._packages, self._neutral)
            for piece in module.pieces.get(definition.name, ())
        ]
        tokens = [token for each in written for token in each.tokens]
        return self._resolve_all(tokens, (), frozenset(), definition.module)

    def has_effects(self, module: str) -> bool:
        """Whether importing a module does more than bind names."""
        if module not in self._effects:
            self._effects[module] = bool(self._module(module).effects or any(self._registering(module)))
        return self._effects[module]

    def loaded(self, names: Iterable[str]) -> set[str]:
        """All modules of ours that importing these loads."""
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen or self._neutral.is_module(name):
                continue
            seen.add(name)
            if "." in name:
                waiting.append(name.rpartition(".")[0])
            if self._exists(name):
                waiting.extend(each for each in self._module(name).loads if each not in seen)
        return {name for name in seen if self._exists(name)}

    # -- definitions --------------------------------------------------------------------------------------------------

    def _link(self, definition: Definition) -> Linked:
        if definition.name == WHOLE:
            return self._link_module(definition.module)
        written = self._write(definition)
        return self._resolve_all(written.tokens, written.dropped, written.loads, definition.module)

    def _write(self, definition: Definition) -> Written:
        if definition not in self._written:
            module = self._module(definition.module)
            if definition.name == EFFECTS:
                pieces = [*module.effects, *self._registering(definition.module)]
            else:
                pieces = module.pieces[definition.name]
            self._written[definition] = write(pieces, module, self._packages, self._neutral)
        return self._written[definition]

    def _link_module(self, name: str) -> Linked:
        """All of a module that is used as a value: its definitions and what it imports."""
        module = self._module(name)
        tokens: list[Any] = []
        for each in sorted({*module.pieces, *module.imports}):
            tokens += [each, Use(each, (), ())]
        return self._resolve_all(tokens, (), frozenset({name}), name)

    def _registering(self, name: str) -> Iterator[Any]:
        """Definitions whose decorators may register them where code that does not name them finds them."""
        for piece in self._module(name).decorated:
            for decorator in piece.statement.decorator_list:
                use = global_use(decorator)
                if use is not None and any(self._registers(target, rest) for target, rest in self._targets(use, name)):
                    yield piece
                    break

    def _registers(self, target: Target, rest: tuple[str, ...]) -> bool:
        if target.definition is None or target.definition.name == WHOLE or self._only_describes(target.definition):
            return False
        return bool(rest) or self._write(target.definition).mutates

    def _only_describes(self, definition: Definition) -> bool:
        announces = self._neutral.announces_plugin(definition.module)
        return announces or definition.name in self._neutral.decorators

    # -- names --------------------------------------------------------------------------------------------------------

    def _resolve_all(self, tokens: Sequence[Any], dropped: Iterable[Use], loads: frozenset[str], module: str) -> Linked:
        digest = hashlib.sha256()
        uses: list[Definition] = []
        seen = {module}
        for text in self._resolved(tokens, module, uses, seen):
            digest.update(text.encode("utf-8", "surrogatepass"))
            digest.update(b"\0")
        aside: list[Definition] = []
        for _ in self._resolved(dropped, module, aside, set()):
            pass
        ours = frozenset(each for each in loads if self._exists(each))
        named = {path for each in tokens if isinstance(each, DataFile) for path in self._data(module, each.name)}
        return Linked(
            digest.hexdigest(), tuple(uses), tuple(dict.fromkeys(aside)), frozenset(seen), ours, frozenset(named)
        )

    def _resolved(self, tokens: Iterable[Any], module: str, uses: list[Definition], seen: set[str]) -> Iterator[str]:
        for token in tokens:
            if isinstance(token, str):
                yield token
            elif isinstance(token, DataFile):
                yield from sorted(self._data(module, token.name).values())
            elif isinstance(token, Decorated):
                yield from self._resolved(self._decorator(token, module), module, uses, seen)
            else:
                yield from self._use(token, module, uses, seen)

    def _decorator(self, token: Decorated, module: str) -> tuple:
        for target, rest in self._targets(token.use, module):
            if target.definition is None or rest:
                continue
            if self._neutral.announces_plugin(target.definition.module):
                counted = [value for key, value in token.keywords if key in self._neutral.counted_facts]
                return (*token.positional, *(each for value in counted for each in value))
            if target.definition.name in self._neutral.decorators:
                return ()
        return token.plain

    def _use(self, use: Use, module: str, uses: list[Definition], seen: set[str]) -> Iterator[str]:
        if use.chain == (WHOLE,):
            uses.append(Definition(module, WHOLE))
            yield "whole"
            return
        for target, rest in self._targets(use, module, seen):
            if target.text == _NEUTRAL:
                yield _NEUTRAL
                continue
            if target.definition is not None and use.role == "raised" and not self._is_class(target.definition):
                yield "raised"
                continue
            if target.definition is not None:
                uses.append(target.definition)
            yield ".".join((target.text, *rest))

    def _is_class(self, definition: Definition) -> bool:
        """Whether a definition can be an error's class: anything but a function."""
        pieces = self._module(definition.module).pieces.get(definition.name, ())
        return not any(type(piece.statement).__name__ in ("FunctionDef", "AsyncFunctionDef") for piece in pieces)

    def _targets(self, use: Use, module: str, seen: set[str] | None = None) -> list[tuple[Target, tuple[str, ...]]]:
        """What a name leads to, each with the attributes that are left over."""
        seen = set() if seen is None else seen
        if use.imports:
            first = [target for each in use.imports for target in self._imported(each, seen)]
        else:
            first = self._global(module, use.name, seen)
            if not first and use.role == "annotation":
                imports = self._module(module).typing_imports.get(use.name, ())
                first = [target for each in imports for target in self._imported(each, seen)]
            first = first or [Target(None, None, f"builtin {use.name}")]
        return [found for target in first for found in self._follow(target, use.chain, seen)]

    def _follow(self, target: Target, chain: tuple[str, ...], seen: set[str]) -> list[tuple[Target, tuple[str, ...]]]:
        """Follow attributes through modules."""
        if target.module is None:
            return [(target, () if target.text == _NEUTRAL else chain)]
        if not chain:
            return [(Target(Definition(target.module, WHOLE), None, "module"), ())]
        found = self._attribute(target.module, chain[0], seen)
        return [each for one in found for each in self._follow(one, chain[1:], seen)]

    def _global(self, module: str, name: str, seen: set[str], visiting: frozenset = frozenset()) -> list[Target]:
        """What a name at the top level of a module is: all that it may be, where that depends on conditions."""
        if (module, name) in visiting:
            return []
        seen.add(module)
        source = self._module(module)
        visiting |= {(module, name)}
        found = [Target(Definition(module, name), None, "ours")] if name in source.pieces else []
        for each in source.imports.get(name, ()):
            found += self._imported(each, seen, visiting)
        if not found and not name.startswith("_"):
            for star in source.stars:
                if self._exists(star):
                    found += self._global(star, name, seen, visiting)
        return found

    def _imported(self, origin: Import, seen: set[str], visiting: frozenset = frozenset()) -> list[Target]:
        if not self._is_ours(origin.module):
            return [Target(None, None, ".".join(filter(None, origin)))]
        if self._neutral.is_module(origin.module):
            return [Target(None, None, _NEUTRAL)]
        if origin.name is None:
            return [Target(None, origin.module, "module")]
        return self._attribute(origin.module, origin.name, seen, visiting)

    def _attribute(self, module: str, name: str, seen: set[str], visiting: frozenset = frozenset()) -> list[Target]:
        """What `module.name` is; all of the module where its source does not say."""
        found = self._global(module, name, seen, visiting) if self._exists(module) else []
        if found:
            return found
        below = f"{module}.{name}"
        if self._is_ours(below):
            neutral = self._neutral.is_module(below)
            return [Target(None, None, _NEUTRAL) if neutral else Target(None, below, "module")]
        if name in _OF_EVERY_MODULE or not self._exists(module):
            return [Target(None, None, name)]
        if "__getattr__" in self._module(module).pieces:
            return [Target(Definition(module, "__getattr__"), None, f"ours {name}")]
        return [Target(Definition(module, WHOLE), None, f"ours {name}")]

    def _is_ours(self, module: str) -> bool:
        return self._exists(module) or module in self._packages

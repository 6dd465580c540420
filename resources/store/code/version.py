"""Code versions: a hash of all our code that decides what some definitions compute, read from source.

What counts is reached from the roots by name (see `references`) and written without what cannot decide bytes (see
`tokens`). Where a definition lies does not count, so that code can be moved without making anything again.
"""

import hashlib
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

from neuropipe.errors import BadInput
from resources.store.code.colours import colour
from resources.store.code.definitions import EFFECTS, WHOLE, Definition, Module, parse
from resources.store.code.disk_cache import DiskCache, Entry
from resources.store.code.references import Linker
from resources.store.code.rules import Neutral
from resources.store.code.sources import Source, digest_of, read_all, read_module

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = frozenset({"neuropipe", "resources", "assets"})


class CodeBase:
    """The source of our packages as it was when this was made.

    root : folder of the packages; cache : folder that keeps versions between processes, or None; neutral : what never
    counts.
    """

    def __init__(
        self,
        root: Path = ROOT,
        cache: Path | None = None,
        *,
        packages: Iterable[str] = PACKAGES,
        neutral: Neutral = Neutral(),  # noqa: B008
        older: "CodeBase | None" = None,
    ):
        self.root, self.packages, self.neutral, self.cache = Path(root), frozenset(packages), neutral, cache
        self._lock = threading.RLock()
        self._sources = read_all(self.root, self.packages, older._sources if older else {})
        self._by_module: dict[str, Source] = {}
        for source in filter(lambda source: source.is_module, self._sources.values()):
            if source.is_package or source.module not in self._by_module:
                self._by_module[source.module] = source
        self._data_files = [source for source in self._sources.values() if not source.is_module]
        self._outside: set[str] = set()  # modules of roots that are in none of the packages
        self._parsed: dict[bytes, Module] = {}
        self._linker = Linker(self._module, self._exists, self._data, self.packages, neutral)
        if older is not None:
            keys = {_key(source) for source in self._by_module.values()}
            self._parsed.update((key, module) for key, module in older._parsed.items() if key in keys)
            self._linker.keep(older._linker, lambda name: self._same(name, older))
        self._colours: dict[Definition, str] = {}
        self._versions: dict[frozenset[Definition], Entry] = {}
        # What was computed for another cache holds for this one, too.
        self._known = older._versions if older is not None and self._same_as(older) else {}
        self._disk: DiskCache | None = None

    def refreshed(self) -> "CodeBase":
        """This, or a newer one if a file has changed; only changed files are read and parsed again."""
        sources = read_all(self.root, self.packages, self._sources)
        outside = any(self._outside_changed(name) for name in self._outside)
        if not outside and _digests(sources) == _digests(self._sources):
            self._sources = sources
            return self
        return CodeBase(self.root, self.cache, packages=self.packages, neutral=self.neutral, older=self)

    def _same_as(self, other: "CodeBase") -> bool:
        """Whether both give the same versions: of the same source, by the same rules."""
        rules = (other.neutral, other.packages) == (self.neutral, self.packages)
        return rules and not other._outside and _digests(other._sources) == _digests(self._sources)

    def version(self, roots: Iterable[Definition]) -> str:
        """32 hex digits that change when what the roots compute may have changed."""
        return self._entry(frozenset(roots)).version

    def files(self, roots: Iterable[Definition]) -> frozenset[Path]:
        """The source files that hold what the roots reach, and those through which it is imported."""
        return frozenset(self.root / name for name in self._entry(frozenset(roots)).files)

    def reachable(self, roots: Iterable[Definition]) -> frozenset[Definition]:
        """All definitions that count for the roots."""
        with self._lock:
            found = self._reach(self._locate(frozenset(roots)))
        return frozenset(each for each in found if each.name not in (EFFECTS, WHOLE))

    def ignored(self, roots: Iterable[Definition]) -> frozenset[Definition]:
        """Definitions that run for the roots but count for nothing: used in log sentences and texts of errors."""
        with self._lock:
            counted = self._reach(self._locate(frozenset(roots)))
            aside = {each for one in counted for each in self._linker.linked(one).dropped}
            return frozenset(self._reach(aside) - counted)

    # -- computing ----------------------------------------------------------------------------------------------------

    def _entry(self, roots: frozenset[Definition]) -> Entry:
        with self._lock:
            key = " ".join(map(str, sorted(roots)))
            if roots not in self._versions:
                cacheable = all(root.module in self._by_module for root in roots) and not self._outside
                disk = self._disk_cache() if cacheable else None
                entry = disk.get(key) if disk else None
                if entry is None:
                    entry = self._known.get(roots) or self._compute(self._locate(roots))
                    if disk:
                        disk.put(key, entry)
                self._versions[roots] = entry
            return self._versions[roots]

    def _compute(self, roots: frozenset[Definition]) -> Entry:
        reached = self._reach(roots)
        linked = self._linker.linked
        colour(reached, lambda each: linked(each).text, lambda each: linked(each).uses, self._colours)
        digest = hashlib.sha256()
        parts = []
        for root in roots:  # with the classes of its arguments, which its caller hands in
            signature = self._linker.signature(root)
            parts.append(" ".join(self._colours[each] for each in (root, *signature.uses)))
        effects = {self._colours[each] for each in reached if each.name == EFFECTS}
        digest.update("\n".join([*sorted(parts), "effects", *sorted(effects)]).encode())
        modules = {each.module for each in reached} | {name for each in reached for name in linked(each).modules}
        paths = {self._by_module[name].path for name in modules if self._exists(name)}
        paths.update(path for each in reached for path in linked(each).data)
        return Entry(digest.hexdigest()[:32], tuple(sorted(str(path.relative_to(self.root)) for path in paths)))

    def _reach(self, roots: Iterable[Definition]) -> set[Definition]:
        seen: set[Definition] = set()
        loaded: set[str] = set()
        waiting = list(roots)
        for root in waiting[:]:
            waiting.extend(self._linker.signature(root).uses)
        while waiting:
            each = waiting.pop()
            if each in seen:
                continue
            seen.add(each)
            linked = self._linker.linked(each)
            waiting.extend(linked.uses)
            names = {each.module, *linked.modules, *linked.loads} - loaded
            for name in self._linker.loaded(names) - loaded if names else ():
                loaded.add(name)
                if self._linker.has_effects(name):
                    waiting.append(Definition(name, EFFECTS))
        return seen

    def _locate(self, roots: frozenset[Definition]) -> frozenset[Definition]:
        found: set[Definition] = set()
        for root in roots:
            if not self._exists(root.module):
                self._read_outside(root.module)
            located = self._linker.locate(root) if self._exists(root.module) else []
            if not located:
                raise BadInput(f"{root} is not defined in the source below {self.root}; correct the name of the root")
            found.update(located)
        return frozenset(found)

    # -- modules ------------------------------------------------------------------------------------------------------

    def _exists(self, module: str) -> bool:
        return module in self._by_module

    def _module(self, name: str) -> Module:
        source = self._by_module[name]
        key = _key(source)
        if key not in self._parsed:
            self._parsed[key] = parse(source.content, name, source.is_package, str(source.path))
        return self._parsed[key]

    def _data(self, module: str, name: str) -> dict[Path, str]:
        """Files in the folder of a module, or below it, that a text may name."""
        folder = self._by_module[module].path.parent
        found = (source for source in self._data_files if source.path.is_relative_to(folder))
        return {source.path: source.digest.hex() for source in found if f"/{source.path}".endswith(f"/{name}")}

    def _same(self, module: str, older: "CodeBase") -> bool:
        mine, theirs = self._by_module.get(module), older._by_module.get(module)
        return mine is not None and theirs is not None and mine.digest == theirs.digest

    def _read_outside(self, module: str) -> None:
        """A module of a root that is in none of our packages, such as a test's."""
        source = read_module(self.root, module)
        if source is not None:
            self._by_module[module] = source
            self._outside.add(module)

    def _outside_changed(self, module: str) -> bool:
        now = read_module(self.root, module)
        return now is None or now.digest != self._by_module[module].digest

    def _disk_cache(self) -> DiskCache | None:
        if self.cache is None:
            return None
        if self._disk is None:
            settings = (sys.version, repr(self.neutral), *sorted(self.packages))
            self._disk = DiskCache(self.cache, digest_of(self._sources.values(), *settings))
        return self._disk


def _digests(sources: dict[Path, Source]) -> dict[Path, bytes]:
    return {path: source.digest for path, source in sources.items()}


def _key(source: Source) -> bytes:
    return source.digest + source.module.encode()


_current: dict[tuple[Path, Path | None], CodeBase] = {}
_lock = threading.Lock()


def current_code(cache: Path | None = None, root: Path = ROOT) -> CodeBase:
    """The code as it is on disk now; costs a look at every file, and a reading of those that have changed."""
    with _lock:
        known = _current.get((root, cache))
        if known is not None:
            _current[root, cache] = known.refreshed()
        else:
            others = [code for (other, _), code in _current.items() if other == root]
            _current[root, cache] = CodeBase(root, cache, older=others[-1] if others else None)
        return _current[root, cache]

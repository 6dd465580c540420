"""Garbage: what today's code, catalogue and configuration no longer lead to. Only store and raw folder are touched."""

import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from neuropipe.errors import BadInput
from resources.store.artifact import Artifact
from resources.store.plan import Pipeline, Planner, decide_again
from resources.store.store import PROGRESS_OF


@dataclass(frozen=True)
class Garbage:
    """One thing that nothing needs. kind : artifact | variant | unfinished | lock | quarantined | raw file."""

    kind: str
    path: Path
    bytes: int


def collect_garbage(pipeline: Pipeline, *, dry_run: bool = False, drop_variants: bool = False) -> list[Garbage]:
    """Find what is not needed and, unless `dry_run`, remove it. What a live process writes is left alone."""
    found = [
        *_artifacts(pipeline, drop_variants),
        *_leftovers(pipeline),
        *_progress(pipeline, drop_variants),
        *(Garbage("raw file", path, path.stat().st_size) for path in pipeline.workspace.sources.unused()),
    ]
    if not dry_run:
        for item in found:
            shutil.rmtree(item.path) if item.path.is_dir() else item.path.unlink(missing_ok=True)
    return found


def _artifacts(pipeline: Pipeline, drop_variants: bool) -> Iterator[Garbage]:
    store = pipeline.workspace.store
    held = list(store.artifacts())
    kept = _needed(pipeline, held, drop_variants)
    for artifact in held:
        if artifact.path not in kept:
            yield Garbage("variant" if artifact.variant else "artifact", artifact.path, _size(artifact.path))


def _needed(pipeline: Pipeline, held: list[Artifact], drop_variants: bool) -> set[Path]:
    """Artifacts that today's plan hits, by default or in a variant, and whatever LATEST still names."""
    planner = Planner(pipeline)
    kept: set[Path] = set()
    for artifact in held:
        if artifact.manifest["asset"] not in pipeline.stages:
            continue
        if artifact.variant and drop_variants:
            continue
        key = artifact.manifest["session"]
        if key is not None and key not in pipeline.workspace.catalog.sessions:
            continue
        session = pipeline.workspace.catalog.session(key) if key is not None else None
        asset = artifact.manifest["asset"]
        decision = decide_again(pipeline, artifact, session) if artifact.variant else planner.decide(asset, session)
        newest = pipeline.workspace.store.lookup(decision.asset, key, artifact.fingerprint)
        current = decision.fingerprint == artifact.fingerprint and newest.path == artifact.path
        latest = pipeline.workspace.store.latest(artifact.manifest["asset"], key)
        if current or (latest is not None and latest.path == artifact.path):
            kept.add(artifact.path)
    return kept


def _leftovers(pipeline: Pipeline) -> Iterator[Garbage]:
    root = pipeline.workspace.store_root
    for path in sorted((root / ".quarantine").glob("*")):
        yield Garbage("quarantined", path, _size(path))
    for path in sorted((root / ".stage").glob("*")):
        if path.is_dir() and not _alive(path.with_suffix(".lock")):
            yield Garbage("unfinished", path, _size(path))
    for path in sorted((*(root / ".stage").glob("*.lock"), *(root / ".locks").glob("*"))):
        if not _alive(path):
            yield Garbage("lock", path, 0)


def _progress(pipeline: Pipeline, drop_variants: bool) -> Iterator[Garbage]:
    """What killed work left, where nothing that is still to be made would go on with it."""
    root = pipeline.workspace.store_root
    for folder in sorted((root / ".progress").glob("*")):
        if not _alive(root / ".locks" / folder.name) and not _to_be_gone_on_with(pipeline, folder, drop_variants):
            yield Garbage("unfinished", folder, _size(folder))


def _to_be_gone_on_with(pipeline: Pipeline, folder: Path, drop_variants: bool) -> bool:
    try:
        owner = json.loads((folder / PROGRESS_OF).read_text())
        session = pipeline.workspace.catalog.session(owner["session"]) if owner["session"] else None
        planner = Planner(pipeline, owner["overrides"])
        if owner["asset"] not in pipeline.stages or (drop_variants and planner.variant(owner["asset"])):
            return False
        decision = planner.decide(owner["asset"], session)
    except (FileNotFoundError, BadInput):  # a kill before its first word; a session or setting that is no more
        return False
    return decision.state == "run" and decision.fingerprint == owner["fingerprint"]


def _alive(lock: Path) -> bool:
    """Whether the process that made a lock still lives: it holds it."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())

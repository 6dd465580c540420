"""Kills processes that work on a store, at every file operation and at random instants, and looks at what is left.

Run as a script by `test_store_kills.py`; forks, so it must not run in a process with threads.
Usage: killed_stores.py FOLDER every|random
"""

import contextlib
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import filelock  # noqa: F401 - before the forks, as every child would import it anew

from resources.store.gc import collect_garbage
from resources.store.store import Artifact, ArtifactStore, digest

ASSETS = ("events", "events/oasis", "binned")
ALWAYS, NEVER = digest("always needed"), digest("never needed")
N_FILES = 4
TICK = 0.02  # s, by which the clock of files may lag
_EVENTS = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate", "fcntl.flock"}


def content(asset: str, fingerprint: str, number: int) -> bytes:
    return f"{asset} {fingerprint} {number}\n".encode() * 200


def commit(store: ArtifactStore, asset: str, fingerprint: str, **options) -> Artifact:
    with store.lock(asset, fingerprint), store.draft() as draft:
        for number in range(N_FILES):
            folder = draft.data / f"c{number % 2}"
            folder.mkdir(exist_ok=True)
            (folder / str(number)).write_bytes(content(asset, fingerprint, number))
        (draft.scratch / "temporary").write_bytes(b"x")
        (draft.extras / "plot.png").write_bytes(b"x")
        return store.commit(draft, asset=asset, fingerprint=fingerprint, ingredients={"x": fingerprint}, **options)


def resume(asset: str, fingerprint: str, store: ArtifactStore) -> None:
    with store.lock(asset, fingerprint):
        (store.progress(asset, fingerprint, {"a": 1}) / "checkpoint").write_bytes(b"x")
        store.clear_progress(asset, fingerprint)


def collect(store: ArtifactStore) -> None:
    """As the command does: what was committed since it began to list what is needed is kept."""
    began = time.time() - TICK
    needed = {path for asset in ASSETS if (path := store.newest(asset, ALWAYS)) is not None}
    collect_garbage(store, needed, set(), grace=0, since=began)


def prepare(store: ArtifactStore) -> None:
    for asset in ASSETS:
        for fingerprint in (ALWAYS, NEVER):
            if store.serve(asset, fingerprint) is None:
                commit(store, asset, fingerprint)
        store.point(asset, "d.s", store.lookup(asset, ALWAYS))
    commit(store, "events", NEVER, new_attempt=True)


def check(store: ArtifactStore) -> None:
    """Raise if anything that can be seen is not whole, or what is always needed is gone."""
    for path in store.directories():
        artifact = Artifact.read(path)
        assert artifact is not None, f"{path} can be seen and has no manifest"
        assert store.verify(artifact) == [], f"{path} can be seen and is damaged"
        for number in range(N_FILES):
            found = (path / "data" / f"c{number % 2}" / str(number)).read_bytes()
            assert found == content(artifact.asset, artifact.fingerprint, number)
    for asset in ASSETS:
        served = store.serve(asset, ALWAYS)
        assert served is not None, f"{asset} is needed and gone"
        assert store.probe(asset, ALWAYS) == served.data_version
        never = store.serve(asset, NEVER)
        assert store.probe(asset, NEVER) == (None if never is None else never.data_version)
        latest = store.latest(asset, "d.s")
        assert latest is None or store.verify(latest) == []


OPERATIONS: dict[str, Callable[[ArtifactStore], object]] = {
    "commit": lambda store: commit(store, "binned", digest("new")),
    "another attempt": lambda store: commit(store, "binned", ALWAYS, new_attempt=True),
    "gc": collect,
    "discard": lambda store: [
        store.discard(path) for path in list(store.directories("events")) if NEVER[:32] in str(path)
    ],
    "quarantine": lambda store: store.quarantine(store.newest("events/oasis", NEVER)),
    "pointers": lambda store: (
        store.point("events", "d.s", store.lookup("events", NEVER)),
        store.note_variant("events", "d.s", store.lookup("events", NEVER), "a.x=1", {"a": {"x": 1}}),
        store.record_failure("events", "d.s", "no luck"),
        store.clear_failure("events", "d.s"),
        store.used(["events/oasis/" + NEVER[:32]]),
    ),
    "progress": lambda store: resume("binned", NEVER, store),
}


def fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def killed_at(event_number: int, store: ArtifactStore, operation: Callable[[ArtifactStore], object]) -> bool:
    """Run an operation in a child that is killed before its n-th file operation; False if it has fewer."""

    def work() -> None:
        seen = 0

        def hook(event: str, _: tuple) -> None:
            nonlocal seen
            if event in _EVENTS:
                seen += 1
                if seen == event_number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        operation(ArtifactStore(store.root, "me"))

    _, status = os.waitpid(fork(work), 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"the operation failed with {status}"
    return False


def every_operation(root: Path) -> dict[str, int]:
    """Kill each operation before each of its file operations; how many kills each took."""
    kills = {}
    for name, operation in OPERATIONS.items():
        event_number, store = 0, ArtifactStore(root / name.replace(" ", "-"), "me")
        while True:
            event_number += 1
            prepare(store)
            went_on = killed_at(event_number, store, operation)
            check(ArtifactStore(store.root, "me"))
            if not went_on:
                break
        kills[name] = event_number - 1
        tidy(store)
    return kills


def at_random(root: Path, n_kills: int = 150, seconds: float = 40.0) -> dict[str, int]:
    """Kill two processes at a time that do random operations; how many kills hit which operation."""
    store, chance, hits = ArtifactStore(root, "me"), random.Random(1), Counter()
    end = time.monotonic() + seconds
    while hits.total() < n_kills and time.monotonic() < end:
        prepare(store)
        children = [(fork(partial(_busy, root, chance.random(), at)), at) for at in range(2)]
        time.sleep(chance.uniform(0.005, 0.12))
        for child, at in children:
            os.kill(child, signal.SIGKILL)
            assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "a rival failed before it was killed"
            with contextlib.suppress(FileNotFoundError):
                hits[(root.parent / f"doing-{at}").read_text()] += 1
        check(ArtifactStore(root, "me"))
    tidy(store)
    return dict(hits)


def _busy(root: Path, seed: float, at: int) -> None:
    chance, store = random.Random(seed), ArtifactStore(root, "me")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        name = chance.choice(["commit", "another attempt", "gc", "gc", "discard", "progress"])
        (root.parent / f"doing-{at}").write_text(name)
        OPERATIONS[name](store)


def tidy(store: ArtifactStore) -> None:
    """Whatever kills left behind goes with the next collection."""
    time.sleep(2 * TICK)
    collect(store)
    collect(store)
    check(store)
    for hidden in (".trash", ".quarantine", ".progress"):
        assert not list((store.root / hidden).glob("*")), f"{hidden} is not empty"
    assert {path.suffix for path in (store.root / ".stage").glob("*")} <= {".lock"}
    assert {path.name[:32] for path in store.directories()} == {ALWAYS[:32]}
    shutil.rmtree(store.root)


if __name__ == "__main__":
    os.fsync = lambda descriptor: None  # a kill loses nothing that was written; only a power cut does
    kills = {"every": every_operation, "random": at_random}[sys.argv[2]](Path(sys.argv[1]))
    print(sum(kills.values()), kills)

"""`neuropipe run` and `gc`, killed at random instants: nothing half-made is ever visible, and the same command heals.

`python -m tests.cli.test_killed_commands 200` makes as many kills as asked for and prints what was found.
"""

import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from resources.store.artifact import MANIFEST
from resources.store.store import ArtifactStore
from tests.installation import QUICK, Place, make_place

KILLS = 10
SESSION = ("--session", "quick.one")
WANTED = ("evaluation/decoder/rate_logistic", "decoder/knn")


def commands(number: int) -> tuple[str, ...]:
    """What is killed: work of new variants, work made again, and garbage collection of what the last ones left."""
    kinds = (
        ("run", *WANTED, *SESSION, "--set", f"folds.seed={number}", "--set", 'folds.schemes=["shuffled"]'),
        ("gc", "--variants", "--grace", "0"),
        ("run", *WANTED, *SESSION, "--refresh"),
    )
    return kinds[number % len(kinds)]


def kill_one(place: Place, number: int, longest: float, chance: random.Random) -> None:
    running = place.start(*commands(number))
    deadline = time.monotonic() + chance.uniform(0.2, longest)
    while running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.communicate()


def wrong_in(store: ArtifactStore) -> list[str]:
    """Artifacts that can be seen and are not whole, byte for byte."""
    found = [str(path) for path in store.directories() if not (path / MANIFEST).is_file()]
    return found + [f"{artifact.path}: {names}" for artifact in store.artifacts() if (names := store.verify(artifact))]


def campaign(place: Place, n_kills: int, longest: float) -> list[str]:
    """What was wrong after each kill, and whether the commands still make what an undisturbed run makes."""
    chance, wrong = random.Random(0), []
    store = ArtifactStore(place.root / "artifacts")
    expected = versions(place)
    for number in range(n_kills):
        kill_one(place, number, longest, chance)
        wrong += [f"kill {number}: {what}" for what in wrong_in(store)]
    healed = place.neuropipe("run", *WANTED, *SESSION)
    if healed.returncode != 0 or versions(place) != expected:
        wrong.append(f"not healed: {healed.stderr}")
    collected = place.neuropipe("gc", "--variants", "--grace", "0")
    if collected.returncode != 0 or place.json("run", *WANTED, *SESSION)["run"] != 0:
        wrong.append(f"gc took what is needed: {collected.stderr}")
    return wrong


def versions(place: Place) -> dict[str, str]:
    store = ArtifactStore(place.root / "artifacts")
    return {asset: store.latest(asset, "quick.one").data_version for asset in ("recording", "binned", *WANTED)}


def prepared(root: Path) -> tuple[Place, float]:
    """A place with everything made, and how long that took, s."""
    place = make_place(root / "place", quick=QUICK)
    began = time.monotonic()
    done = place.neuropipe("run", *WANTED, *SESSION)
    assert done.returncode == 0, done.stderr
    return place, time.monotonic() - began


@pytest.mark.slow
def test_killed_commands_leave_nothing_half_made(tmp_path):
    place, seconds = prepared(tmp_path)
    assert campaign(place, KILLS, seconds) == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made, took = prepared(Path(folder))
        failures = campaign(made, int(sys.argv[1]), took)
        print(f"{sys.argv[1]} kills, wrong: {len(failures)}", *failures, sep="\n")

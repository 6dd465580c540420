"""add and gc: a user's own files are used in place and never touched; what nothing leads to is deleted."""

import os
import time

from resources.fetch.verified import SETTLING_TIME
from tests.cli.command import artifacts, ask, counts, get
from tests.cli.conftest import RATE
from tests.cli.recordings import ADD, save

ONE = ("--session", "quick.one")
SESSION = ("--session", "mine.mouse-1")
DECODER = "decoder/rate_logistic"


def removed(place, *options: str) -> list[str]:
    """Kinds of what gc removes; locks, of which every artifact leaves one, are not told."""
    return [row["kind"] for row in get(place, "gc", *options) if row["kind"] != "lock"]


def test_a_recording_of_ones_own_is_used_in_place_and_run_again_when_it_changes(place):
    path = save(place.root / "Mouse 1.npz")
    os.utime(path, (1e9, 1e9))
    body = path.read_bytes()
    answer = ask(place, "add", str(path), *ADD)
    assert answer.out == "added mine.mouse-1; now: neuropipe run --session mine.mouse-1\n"
    again = ask(place, "add", str(path), *ADD)
    assert (again.code, again.err) == (
        *(2, "neuropipe: mine.mouse-1 is in the catalogue already; give another --name\n"),
    )
    other = ask(place, "add", str(path), *ADD, "--name", "other", "--bin-width", "0.2")
    assert (other.code, "already has another task" in other.err) == (2, True)
    assert counts(get(place, "run", DECODER, *SESSION)) == (0, 4, 0)
    time.sleep(max(0.0, path.stat().st_ctime + SETTLING_TIME + 0.1 - time.time()))  # before, no hash is kept
    assert counts(get(place, "run", DECODER, *SESSION)) == (4, 0, 0)
    assert (place.root / "raw" / "local").is_dir()
    assert removed(place, "--variants") == []
    assert path.read_bytes() == body
    save(path, seed=1)
    (row,) = get(place, "plan", "recording", *SESSION)
    assert (row["state"], row["reason"]) == ("run", "changed: config.files.Mouse 1.npz")
    assert counts(get(place, "run", DECODER, *SESSION))[1:] == (4, 0)
    (place.root / "catalog" / "local.yaml").unlink()
    assert set(removed(place)) >= {"artifact"}
    assert list((place.root / "artifacts" / "artifacts").rglob("data")) == []
    assert path.is_file()


def test_the_default_event_is_the_start_of_the_trial(place):
    path = save(place.root / "a.npz")
    options = ("--label", "choice", "--window", "0", "1", "--bin-width", "0.1")
    assert ask(place, "add", str(path), *options).code == 0
    assert ask(place, "add", str(path), *options, "--align", "trial_start", "--name", "b").code == 0
    assert counts(get(place, "run", "binned", "--session", "mine.*")) == (2, 2, 0), "one recording, added twice"


def test_variants_are_kept_while_they_are_current_unless_asked_for(done):
    chosen = ("--set", "decoder/rate_logistic.strengths=[0.5, 2]")
    get(done, "run", RATE, *ONE, *chosen)
    before = artifacts(done)
    assert removed(done, "--dry-run") == []
    found = removed(done, "--variants", "--dry-run")
    assert sorted(found) == ["artifact", "artifact", "pointer", "pointer"]
    assert artifacts(done) == before, "said, not done"
    assert removed(done, "--variants") == found
    assert counts(get(done, "run", RATE, *ONE)) == (5, 0, 0), "the default stayed"
    assert counts(get(done, "run", RATE, *ONE, *chosen)) == (3, 2, 0)


def test_what_is_removed_is_said_with_its_size(done):
    get(done, "run", "folds", *ONE, "--refresh")
    told = ask(done, "gc", "--dry-run", "--grace", "0").out.splitlines()
    assert told[0].startswith(f"artifact: {done.root}/artifacts/artifacts/folds/")
    assert told[0].endswith(" kB)")
    assert told[-1].endswith(" would be freed")
    assert len([line for line in told if line.startswith("lock: ")]) <= 1
    assert ask(done, "gc", "--grace", "0").out.splitlines()[-1].endswith(" freed")
    assert ask(done, "gc").out == "nothing to remove\n"

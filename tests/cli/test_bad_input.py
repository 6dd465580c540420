"""What is wrong with the input is said in one sentence a user can act on, through the command itself."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from resources.fetch.web import Patience
from tests.cli.command import artifacts, ask, counts, get, show
from tests.cli.recordings import ADD, save
from tests.cli.web_files import RUN_WEB, from_web, good_counts, packed
from tests.installation import QUICK, Place

QUICK_ONE = ("--session", "quick.one")
COUNTS = {"times": None, "offsets": None, "trial_start": None, "bin_width": 0.1, "start": 0.0}


@pytest.fixture
def mount(tmp_path):
    """Makes a folder a small disk of its own: mount(folder, options)."""
    mounted = []

    def mounter(folder: Path, options: str) -> None:
        verb = ["-o", f"remount,{options}"] if folder in mounted else ["-t", "tmpfs", "-o", options, "none"]
        folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *verb, folder], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"can't mount a small disk here: {done.stderr.strip()}")
        if folder not in mounted:
            mounted.append(folder)

    yield mounter
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


def refused(place: Place, *arguments: str, code: int = 2, **environment: str) -> str:
    """The one line that a refused command says on stderr."""
    answer = ask(place, *arguments, **environment)
    assert answer.code == code, answer
    assert "Traceback" not in answer.out + answer.err
    (line,) = answer.err.splitlines()
    assert line.startswith("neuropipe: ")
    return line.removeprefix("neuropipe: ")


def fails(place: Place, *arguments: str, **environment: str) -> str:
    """As refused, where the input is read only when the work has begun: exit code 1."""
    return refused(place, *arguments, code=1, **environment)


# -- what is typed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "--session", "quick.onne"), "no session is called 'quick.onne'; did you mean quick.one, quick.two?"),
        (("run", "--session", ""), "no session is called ''; `neuropipe sessions` lists them"),
        (("run", "--session", "quack*"), "no session matches 'quack*'; `neuropipe sessions` lists them"),
        (("run",), "say which sessions: --session KEY"),
        (("run", "bined", *QUICK_ONE), "no asset is called 'bined'; did you mean binned"),
        (("plan", "folds and", *QUICK_ONE), "can't read the selection 'folds and': give names, globs"),
        (("show", "decoder/*", *QUICK_ONE), "the selection 'decoder/*' matches "),
        (("run", *QUICK_ONE, "--set", "gap=2"), "--set 'gap=2': write ASSET.FIELD=VALUE"),
        (("run", *QUICK_ONE, "--set", "fold.gap=2"), "no asset is called 'fold'; did you mean folds?"),
        (("run", *QUICK_ONE, "--set", "folds.gapp=2"), "folds has no setting 'gapp'; it has task, schemes, n_folds"),
        (("run", *QUICK_ONE, "--set", "folds.gap=[2"), "--set 'folds.gap=[2': '[2' is no value; write a number"),
        (("run", *QUICK_ONE, "--set", "folds.gap=two"), "folds of quick.one: gap: Input should be a valid integer"),
        (
            ("run", *QUICK_ONE, "--set", "decoder/rate_logistic.strengths=x"),
            "decoder/rate_logistic of quick.one: strengths: Input should be a valid tuple (found 'x')",
        ),
        (("run", *QUICK_ONE, "--set", "binned.bin_width=0"), "binned of quick.one: bin_width: Input should be greater"),
        (
            ("run", *QUICK_ONE, "--set", "binned.window=[0.2, 0.52]"),
            "binned of quick.one: window 0.2 to 0.52 s is not a whole number of bins of 0.05 s",
        ),
        (("leaderboard",), "the store holds no evaluations yet: `neuropipe run --session KEY` makes some"),
        (("add", "gone.npz", *ADD), "no file gone.npz"),
    ],
)
def test_what_is_typed_wrong_is_refused_before_anything_is_made(place, arguments, sentence):
    assert refused(place, *arguments).startswith(sentence)
    assert artifacts(place) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("[0.2, 0.5]", "[0.2, 0.5", 11, "not valid YAML"),
        ("modality: spikes", "modality: spikes\nmodality: counts", 5, "'modality' is given twice"),
        ("modality: spikes", "modality: spokes", 4, "modality: Input should be 'voltage', 'movie'"),
        ("  label:", "  lable:", 8, "task.lable: there is no field of this name"),
        ("  label: choice\n", "", 7, "task.label: this field must be given"),
        ("n_folds: 3", "n_folds: three", 12, "task.folds.n_folds: Input should be a valid integer"),
        ("[0.2, 0.5]", "[0.2, 0.52]", 7, "task: window 0.2 to 0.52 s is not a whole number of bins"),
        ("  one:", "  Mouse 1:", 14, "sessions.Mouse 1: a name consists of a-z, 0-9, ., _ and - (found 'Mouse 1')"),
        ("title: Q", "title: \x01", 1, "not valid YAML"),
    ],
)
def test_a_catalogue_that_is_wrong_is_named_by_file_line_and_field(place, old, new, line, sentence):
    (place.root / "catalog" / "quick.yaml").write_text(QUICK.replace(old, new, 1))
    assert refused(place, "sessions").startswith(f"{place.root}/catalog/quick.yaml:{line}: {sentence}")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "drift_diffusion",
            "drift_diffuse",
            "no simulator is called 'drift_diffuse'; did you mean drift_diffusion?",
        ),
        ("sessions:", "config: {fold: {gap: 2}}\nsessions:", "no asset is called 'fold'; did you mean folds"),
        (
            "sessions:",
            "config:\n  folds: {gapp: 2}\nsessions:",
            "quick.yaml:14: config.folds.gapp: folds has no such setting; it has task, schemes, n_folds, gap",
        ),
        (
            "sessions:",
            "config:\n  decoder/ridge: {n_inner_folds: 3}\nsessions:",
            "quick.yaml:14: config.decoder/ridge: nothing reads these settings, since decoder/ridge does not apply: "
            "its task is classification of choice, and this is for regression",
        ),
        (
            "one: {parameters: {seed: 1}}",
            "one: {parameters: {seed: 1}, config: {fluorescence: {tau: 1}}}",
            "quick.yaml:14: sessions.one.config.fluorescence: nothing reads these settings, since fluorescence does "
            "not apply: its modality is spikes, and this is for movies",
        ),
        (
            "sessions:",
            "config: {leaderboard: {significance: 0.1}}\nsessions:",
            "leaderboard is made once for all data sets; set it with --set leaderboard.significance=VALUE instead",
        ),
    ],
)
def test_a_catalogue_that_asks_for_what_nothing_reads_is_refused_with_file_and_line(place, old, new, sentence):
    (place.root / "catalog" / "quick.yaml").write_text(QUICK.replace(old, new, 1))
    for command in (("plan", *QUICK_ONE), ("sessions",)):
        assert sentence in refused(place, *command)


# -- a user's own file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"choice": np.zeros(59, int)}, "bad.npz: choice has 59 values, but there are 60 trials"),
        ({"choice": np.array([None] * 60)}, "bad.npz holds pickled Python objects .*: pickled arrays are refused"),
        ({"choice": np.full(60, np.nan)}, "bad.npz: choice is not finite in 60 rows, first row 0"),
        ({**COUNTS, "counts": np.full((60, 10, 4), np.nan)}, "bad.npz: counts holds nan at .* whole numbers"),
        ({**COUNTS, "counts": np.full((60, 10, 4), -1)}, "bad.npz: counts holds -1 at"),
        ({"choice": None}, "has no labels called 'choice'; its trial table has start"),
        ({"trial_start": None, "choice": None}, "has no labels called 'choice'; its trial table has no trials"),
        ({"offsets": None}, "bad.npz: beside times give either offsets or units; it has"),
        ({"trial_start": np.zeros(60)}, "bad.npz: trial_start: trial 1 does not start after the one before it"),
    ],
)
def test_a_file_that_can_not_be_used_is_not_added(place, changed, sentence):
    path = save(place.root / "bad.npz", **changed)
    assert re.search(sentence, refused(place, "add", str(path), *ADD))
    assert not (place.root / "catalog" / "local.yaml").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--name", "../b"), "'../b' can't name a session; give --name, made of a-z, 0-9"),
        (("--name", ""), "'' can't name a session"),
        (("--dataset", "../b"), "--dataset '../b': name it with a-z, 0-9, _ and -"),
        (("--dataset", "quick"), "quick is a data set of the catalogue; give your own another name with --dataset"),
        (("--label", "reward"), "has no labels called 'reward'; its trial table has start, choice"),
        (("--align", "cue"), "has no event 'cue' to align trials to; its trial table has start, choice"),
        (("--bin-width", "0.3"), "window 0.0 to 1.0 s is not a whole number of bins of 0.3 s"),
        (("--bin-width", "-1"), "bin_width is -1.0 s; it must be above 0"),
        (("--window", "1", "0"), "window 1.0 to 0.0 s is shorter than one bin"),
    ],
)
def test_an_addition_that_would_spoil_the_catalogue_is_refused(place, options, sentence):
    path = save(place.root / "mouse.npz")
    assert sentence in refused(place, "add", str(path), *ADD, *options)
    assert not (place.root / "catalog" / "local.yaml").exists()


def test_a_truncated_file_is_not_added(place):
    path = save(place.root / "whole.npz")
    path.write_bytes(path.read_bytes()[:2000])
    assert "whole.npz is no whole .npz file" in refused(place, "add", str(path), *ADD)


def test_sessions_that_hold_too_little_say_what_is_missing(place):
    own = {
        "oneclass": {"choice": np.ones(60, int)},
        "few": {"n_trials": 4},
        "silent": {"silent": True},
    }
    for name, changed in own.items():
        assert ask(place, "add", str(save(place.root / f"{name}.npz")), *ADD).code == 0
        save(place.root / f"{name}.npz", **changed)  # `add` itself would refuse some of these
    assert fails(place, "run", "binned", "--session", "mine.oneclass") == (
        "binned of mine.oneclass: decoding 'choice' needs two classes of at least 2 trials each; "
        "found 1 (60), 60 trials usable"
    )
    assert fails(place, "run", "folds", "--session", "mine.few") == (
        "folds of mine.few: 4 samples can't be cut into 5 folds; take at most one fold per sample"
    )
    assert fails(place, "run", "folds", "--session", "mine.silent", "--set", "binned.label=reward") == (
        "binned of mine.silent: no column 'reward' in the trial table; it has start, choice"
    )
    assert fails(place, "run", "folds", "--session", "mine.silent", "--set", "binned.align=cue") == (
        "binned of mine.silent: no event 'cue' in the trial table; it has start, choice"
    )
    assert counts(get(place, "run", "decoder/rate_logistic", "--session", "mine.silent")) == (1, 3, 0)
    shown = show(place, "binned", "--session", "mine.silent")
    assert (shown["silent_units"], shown["units"], shown["check.sums"]) == (1, 6, "passed")
    (place.root / "silent.npz").unlink()
    assert "silent.npz can't be read (No such file or directory); correct `path`" in fails(
        place, "run", "binned", "--session", "mine.silent"
    )


# -- files from the web ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda body, folder: body[:-100], "can't be read as a zip archive, it is cut short or damaged"),
        (
            lambda body, folder: packed(folder, **{**good_counts(), "choice": np.array([None] * 30)}),
            "choice.npy of .* holds pickled Python objects .*: pickled arrays are refused",
        ),
        (
            lambda body, folder: packed(folder, **{**good_counts(), "choice": np.arange(29) % 2}),
            "choice.npy has 29 values, but there are 30 trials",
        ),
        (
            lambda body, folder: packed(folder, **{**good_counts(), "counts": np.full((30, 10, 4), np.nan)}),
            r"counts.npy holds nan at \[0, 0, 0\]; spike counts are whole numbers, 0 or more",
        ),
        (
            lambda body, folder: body.replace(b"choice.npy", b"../../.npy"),
            "holds '../../.npy', a name that leaves its folder",
        ),
    ],
    ids=["truncated", "pickled", "too few labels", "NaN", "climbs out"],
)
def test_a_published_file_that_can_not_be_used(place, server, tmp_path, spoil, sentence):
    body = spoil(packed(tmp_path / "good", **good_counts()), tmp_path / "bad")
    from_web(place, server, body)
    said = fails(place, *RUN_WEB)
    assert said.startswith("recording of web.one: ")
    assert re.search(sentence, said)


def test_a_file_with_another_hash_is_quarantined_and_named(place, server, tmp_path):
    from_web(place, server, packed(tmp_path / "good", **good_counts()), sha256="'" + "0" * 64 + "'")
    said = fails(place, *RUN_WEB)
    assert re.match("recording of web.one: data.zip from http://127.* is not what was expected: .* with sha256", said)
    aside = Path(re.search(r"it was put aside as (\S+)\. Run again", said)[1])
    assert aside.is_file()
    assert aside.parent == place.root / "raw" / "quarantine"


def test_no_network_and_no_mirror_says_how_to_do_without(place, server, monkeypatch):
    from_web(place, server, b"")
    text = (place.root / "catalog" / "web.yaml").read_text()
    (place.root / "catalog" / "web.yaml").write_text(text.replace(server.url(""), "http://127.0.0.1:9"))
    # Quickly: what is waited for between attempts is tested where downloads are.
    monkeypatch.setattr(Patience.__init__, "__defaults__", (1, 0.0, 300.0, 2.0, 5.0, lambda seconds: None))
    assert re.search(
        "recording of web.one: http://127.0.0.1:9/data.zip could not be fetched .*; check the network and run again "
        ".*, or set NEUROPIPE_MIRROR to a folder or http",
        fails(place, *RUN_WEB),
    )
    said = fails(place, *RUN_WEB, NEUROPIPE_MIRROR=str(place.root))
    assert "the mirror has no file" in said
    assert "unset NEUROPIPE_MIRROR to fetch it from the internet" in said


def test_a_session_without_a_task_is_recorded_and_nothing_else_applies(place, server, tmp_path):
    from_web(place, server, packed(tmp_path / "good", **good_counts()), task="")
    assert counts(get(place, "run", "--session", "web.one")) == (0, 3, 0), "recording, leaderboard and report"
    rows = [row for row in get(place, "plan", "--session", "web.one") if row["session"]]
    assert {row["asset"] for row in rows if row["state"] == "hit"} == {"recording", "activity"}
    kinds = ("movies", "fluorescence", "voltage", "field_potentials", "bold")
    assert {(row["state"], row["reason"]) for row in rows if row["state"] != "hit"} == {
        ("n/a", "the catalogue names no task for it"),
        *(("n/a", f"its modality is counts, and this is for {kind}") for kind in kinds),
    }


# -- disks -------------------------------------------------------------------------------------------------------------


def test_a_full_store_is_said_and_a_read_only_one_still_serves(place, mount):
    store = place.root / "artifacts"
    mount(store, "size=150k")
    assert fails(place, "run", "binned", *QUICK_ONE) == (
        f"recording of quick.one: the disk that holds {store} is full (0 MB free): free some space (`neuropipe gc` "
        "helps) and rerun"
    )
    mount(store, "size=8m")
    assert counts(get(place, "run", "binned", *QUICK_ONE)) == (0, 2, 0)
    mount(store, "ro")
    assert counts(get(place, "run", "binned", *QUICK_ONE)) == (2, 0, 0)
    assert fails(place, "run", "folds", *QUICK_ONE) == (
        f"folds of quick.one: {store} can't be written (Read-only file system), so an artifact can't be stored; make "
        "the data folder writable or choose another one"
    )


def test_a_raw_folder_that_is_full_or_read_only_is_named(place, server, tmp_path, mount):
    from_web(place, server, packed(tmp_path / "good", **good_counts(2000)))
    raw = place.root / "raw"
    mount(raw, "size=100k")
    assert re.search(rf"needs \d+,\d+,?\d* bytes in {raw}/partial, where \d+,\d+ are free", fails(place, *RUN_WEB))
    mount(raw, "ro")
    said = fails(place, *RUN_WEB)
    assert f"{raw} can't be written (Read-only file system), so data.zip can't be stored" in said


def test_a_dagster_home_that_can_not_be_written(place, mount):
    home = place.root / "home of another"
    mount(home, "size=100k,ro")
    assert refused(place, "run", "folds", *QUICK_ONE, DAGSTER_HOME=str(home)) == (
        f"Dagster's run history has no place in {home} (it can't be written): set DAGSTER_HOME to a folder that can "
        "be written, or unset it to use the clone"
    )
    file = place.root / "catalog" / "quick.yaml"
    assert "has no place in" in refused(place, "run", "folds", *QUICK_ONE, DAGSTER_HOME=str(file))


def test_the_fields_of_a_bad_yaml_value_are_told_even_in_local_additions(place):
    assert ask(place, "add", str(save(place.root / "mouse.npz")), *ADD).code == 0
    path = place.root / "catalog" / "local.yaml"
    local = yaml.safe_load(path.read_text())
    local["mine"]["task"]["bin_width"] = "narrow"
    path.write_text(yaml.safe_dump(local, sort_keys=False))
    line = 1 + next(i for i, text in enumerate(path.read_text().splitlines()) if "bin_width" in text)
    assert refused(place, "sessions").startswith(f"{path}:{line}: mine.task.bin_width: Input should be a valid number")

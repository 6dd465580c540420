"""The catalogue: what is valid, and that an error names file, line and field."""

import os
import re
from pathlib import Path

import pytest

from neuropipe.catalog import Catalog, check_plugins
from neuropipe.errors import BadInput

VALID = """\
title: T
citation: C
licence: CC0-1.0
modality: spikes
simulator: drift_diffusion
parameters: {n_trials: 10, seed: 0}
task: {label: choice, align: response, window: [-0.5, 0.0], bin_width: 0.1}
config:
  decoder/xgboost: {max_depth: 2, seed: 1}
sessions:
  one: {parameters: {seed: 5}}
  two: {config: {decoder/xgboost: {max_depth: 4}}}
"""


def load(folder: Path, text: str, name: str = "data-set") -> Catalog:
    (folder / f"{name}.yaml").write_text(text)
    return Catalog.load(folder)


def test_a_session_inherits_from_its_data_set_and_overrides_it(tmp_path):
    catalog = load(tmp_path, VALID)
    assert list(catalog.sessions) == ["data-set.one", "data-set.two"]
    one, two = catalog
    assert one.parameters == {"n_trials": 10, "seed": 5}
    assert two.parameters == {"n_trials": 10, "seed": 0}
    assert one.config("decoder/xgboost") == {"max_depth": 2, "seed": 1}
    assert two.config("decoder/xgboost") == {"max_depth": 4, "seed": 1}
    assert one.config("binned") == {}
    assert one.task.n_bins == 5


@pytest.mark.parametrize(
    ("change", "line", "field"),
    [
        (("bin_width: 0.1", "bin_width: -1"), 7, "task.bin_width"),
        (("window: [-0.5, 0.0]", "window: [0.0, 0.05]"), 7, "task"),
        (("bin_width: 0.1", "bin_width: 0.3"), 7, "task"),
        (("modality: spikes", "modality: telepathy"), 4, "modality"),
        (("licence: CC0-1.0", "licens: CC0-1.0"), 3, "licens"),
        (("  one: {parameters: {seed: 5}}", "  one: {paramters: {}}"), 11, "sessions.one.paramters"),
        (("  one:", "  One Session:"), 11, "sessions.One Session"),
        (("bin_width: 0.1", "bin_width: .nan"), 7, "task.bin_width: must be a finite number"),
        (("window: [-0.5, 0.0]", "window: [-.inf, 0.0]"), 7, "task.window.0: must be a finite number"),
        (("bin_width: 0.1", "bin_width: 0.1, min_trials_per_class: 0"), 7, "task.min_trials_per_class"),
        (("n_trials: 10", "n_trials: .nan"), 6, "parameters.n_trials: must be a finite number"),
        (("n_trials: 10", "n_trials: 2020-01-01"), 6, "parameters.n_trials: a setting is text, a number"),
        (("sessions:", "thresholds: {}\nsessions:"), 10, "thresholds: there is no field of this name"),
        (("  one: {parameters: {seed: 5}}", "  one: {files: {a: {url: 'ftp://x/y'}}}"), 11, "sessions.one.files.a"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path, change, line, field):
    with pytest.raises(BadInput) as caught:
        load(tmp_path, VALID.replace(*change))
    assert f"data-set.yaml:{line}: {field}" in str(caught.value)


def test_a_file_needs_exactly_one_place(tmp_path):
    text = VALID.replace("simulator: drift_diffusion", "reader: npz").replace(
        "  one: {parameters: {seed: 5}}", "  one:\n    files:\n      a.npz: {bytes: 3}"
    )
    with pytest.raises(BadInput, match=r"data-set.yaml:13: sessions.one.files.a.npz: .*either url or path"):
        load(tmp_path, text)


def test_hashes_have_64_hexadecimal_digits(tmp_path):
    text = VALID.replace("simulator: drift_diffusion", "reader: npz").replace(
        "  one: {parameters: {seed: 5}}", "  one: {files: {a: {url: 'https://h/p', sha256: abc}}}"
    )
    with pytest.raises(BadInput, match=r"sessions.one.files.a.sha256"):
        load(tmp_path, text)


def test_duplicates_and_broken_yaml_name_their_line(tmp_path):
    with pytest.raises(BadInput, match=r"data-set.yaml:13: 'one' is given twice"):
        load(tmp_path, VALID + "  one: {}\n")
    with pytest.raises(BadInput, match=r"data-set.yaml:3: not valid YAML"):
        load(tmp_path, "title: T\ncitation: [\nlicence: ]x: y\n")


def test_yaml_can_make_no_objects(tmp_path):
    with pytest.raises(BadInput, match="not valid YAML"):
        load(tmp_path, "title: !!python/object/apply:os.system ['true']\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: " + "[" * 100_000, "data-set.yaml:1: more than 100 brackets are open"),
        ("- " * 50_000 + "a", "data-set.yaml:1: indented by more than 400 characters"),
        (VALID + "x: &a [*a]\n", "data-set.yaml:13: an alias stands inside of what it repeats"),
        ("k0: &k0 [1]\n" + "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, 9)),
         "holds more than 1,000,000 values, with those that aliases repeat"),
        (VALID + "? [a]\n: b\n", "data-set.yaml:13: the name of a field must be text"),
        (VALID.replace("seed: 0", "seed: 2020-13-41"), "put text that looks like a date into quotes"),
        (VALID + "\0", "data-set.yaml:13: not valid YAML"),
        ("- a\n", "data-set.yaml:1: the file: expected fields by name"),
        ("", "data-set.yaml:1: the file: expected fields by name"),
    ],
)  # fmt: skip
def test_what_is_no_catalogue_is_refused_in_one_sentence(tmp_path, text, said):
    with pytest.raises(BadInput) as caught:
        load(tmp_path, text)
    assert said in str(caught.value)


def read_from(files: str) -> str:
    return VALID.replace("simulator: drift_diffusion", "reader: npz").replace(
        "{parameters: {seed: 5}}", f"{{files: {files}}}"
    ).replace("{config: {decoder/xgboost: {max_depth: 4}}}", f"{{files: {files}}}")  # fmt: skip


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ("{'../x.npz': {url: 'https://host/x.npz'}}", "sessions.one.files.../x.npz"),
        ("{x.npz: {url: 'https://host/../x.npz'}}", "an address must not hold the folder . or .."),
        ("{x.npz: {url: 'https://host/%2e%2e/x.npz'}}", "an address must not hold the folder . or .."),
    ],
)
def test_files_stay_in_their_folder(tmp_path, files, field):
    with pytest.raises(BadInput, match=r"data-set.yaml:11: sessions.one.files") as caught:
        load(tmp_path, read_from(files))
    assert field in str(caught.value)


def test_two_data_sets_may_name_the_same_files(tmp_path):
    text = read_from("{x.npz: {url: 'https://host/x.npz'}}").replace("parameters: {n_trials: 10, seed: 0}\n", "")
    load(tmp_path, text, "choice")
    catalog = load(tmp_path, text.replace("label: choice", "label: stimulus"), "stimulus")
    check_plugins(catalog)
    assert [session.task.label for session in catalog.match(("*.one",))] == ["choice", "stimulus"]
    assert catalog.session("choice.one").entry.files == catalog.session("stimulus.one").entry.files


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("n_trials: 10", "n_trails: 10"), "data-set.yaml:6: parameters.n_trails: drift_diffusion has no parameter"),
        (("{seed: 5}", "{sede: 5}"), "data-set.yaml:11: sessions.one.parameters.sede: drift_diffusion has no"),
        (("simulator: drift_diffusion", "simulator: drift_difusion"),
         "data-set.yaml:5: simulator: no simulator is called 'drift_difusion'; did you mean drift_diffusion"),
        (("simulator: drift_diffusion", "reader: npy"), "data-set.yaml:5: reader: no reader is called 'npy'"),
        (("{seed: 5}", "{}, simulator: networks"), "data-set.yaml:11: sessions.one.simulator: no simulator is called"),
        (("{seed: 5}", "{}, simulator: calcium_movie"), "data-set.yaml:6: parameters.n_trials: calcium_movie has no"),
    ],
)  # fmt: skip
def test_parameters_that_a_plug_in_does_not_take_are_refused_with_their_place(tmp_path, change, said):
    text = VALID.replace(*change)
    if "reader" in text:
        text = text.replace("one: {", "one: {files: {a: {path: a}}, ").replace(
            "two: {", "two: {files: {a: {path: a}}, "
        )
    catalog = load(tmp_path, text)
    with pytest.raises(BadInput) as caught:
        check_plugins(catalog)
    assert said in str(caught.value)


def test_plug_ins_of_a_local_file_are_checked_with_their_place(tmp_path):
    inner = "".join(f"  {line}\n" for line in VALID.replace("n_trials: 10", "n_trails: 10").splitlines())
    catalog = load(tmp_path, f"mine:\n{inner}", "local")
    with pytest.raises(BadInput, match=r"local.yaml:7: mine.parameters.n_trails: "):
        check_plugins(catalog)


def test_a_stamp_differs_when_a_file_was_changed_added_or_removed(tmp_path):
    load(tmp_path, VALID)
    path, before = tmp_path / "data-set.yaml", Catalog.stamp(tmp_path)
    assert Catalog.stamp(tmp_path) == before
    status = path.stat()
    path.write_text(VALID.replace("seed: 5", "seed: 6"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the same size and time
    changed = Catalog.stamp(tmp_path)
    assert changed != before
    (tmp_path / "cohorts").mkdir()
    (tmp_path / "cohorts" / "networks.yaml").write_text("title: T\n")
    assert len(Catalog.stamp(tmp_path)) == 2
    path.unlink()
    assert [name for name, *_ in Catalog.stamp(tmp_path)] == ["cohorts/networks.yaml"]


def test_an_unknown_session_gets_the_nearest_keys(tmp_path):
    catalog = load(tmp_path, VALID)
    with pytest.raises(BadInput, match=r"'data-set.oen'; did you mean data-set.one"):
        catalog.session("data-set.oen")
    with pytest.raises(BadInput, match="no session matches 'nothing-"):
        catalog.match(("nothing-*",))
    assert [session.key for session in catalog.match(("data-set.t*", "data-set.one"))] == [
        "data-set.one",
        "data-set.two",
    ]


def test_a_session_may_name_its_own_simulator_and_that_it_has_no_task(tmp_path):
    text = VALID.replace(
        "{parameters: {seed: 5}}", "{simulator: hawkes_network, task: none, parameters: {duration: 9}}"
    )
    catalog = load(tmp_path, text)
    one, two = catalog
    assert (one.simulator, one.task) == ("hawkes_network", None)
    assert (two.simulator, two.task) == ("drift_diffusion", catalog.datasets["data-set"].task)
    check_plugins(catalog)
    with pytest.raises(BadInput, match=r"data-set.yaml:11: sessions.one.task: "):
        load(tmp_path, text.replace("task: none", "task: {label: choice}"))
    with pytest.raises(BadInput, match="session one names a simulator, and its data set is read from files"):
        load(
            tmp_path,
            VALID.replace("simulator: drift_diffusion", "reader: npz")
            .replace("one: {", "one: {simulator: drift_diffusion, files: {a: {path: a}}, ")
            .replace("two: {", "two: {files: {a: {path: a}}, "),
        )


def test_a_session_needs_what_its_source_needs(tmp_path):
    with pytest.raises(BadInput, match="either reader or simulator"):
        load(tmp_path, VALID.replace("simulator: drift_diffusion\n", ""))
    with pytest.raises(BadInput, match="session one needs files"):
        load(tmp_path, VALID.replace("simulator: drift_diffusion", "reader: npz"))


# Data sets of which no hash is published and no file could be had when they were added: they are downloaded only, and
# what is downloaded first is recorded in the lock file. Their YAML says where each address is from.
UNPINNED = (
    "allen-visual-coding",
    "allen-visual-coding-2p",
    "allen-warehouse",
    "kay-images",
    "spikefinder",
    "steinmetz-neuromatch",
    "stringer-orientations",
    "stringer-spontaneous",
)


def test_the_catalogue_of_the_project_is_valid():
    root = Path(__file__).resolve().parents[2] / "data" / "catalog"
    catalog = Catalog.load(root)
    assert "steinmetz-choice.cori-2016-12-18" in catalog.sessions
    for session in catalog:
        for name, entry in session.entry.files.items():
            if session.dataset_name in UNPINNED:
                assert (entry.sha256, entry.bytes, entry.path) == (None, None, None)
                assert entry.url.startswith(("https://", "allensdk://"))
                continue
            assert entry.path is not None or (entry.sha256 and entry.bytes), f"{session.key}: {name} has no hash"
        assert session.entry.same_recording_as in {None, *catalog.sessions}
    for name in UNPINNED:
        comments = [line for line in (root / f"{name}.yaml").read_text().splitlines() if line.startswith("# ")]
        assert any("https://github.com/" in line for line in comments), f"{name}: say where its addresses are from"
    check_plugins(catalog)


def test_the_entries_that_the_page_on_public_data_offers_are_valid(tmp_path):
    page = (Path(__file__).resolve().parents[2] / "docs" / "public_data.md").read_text()
    catalog = load(tmp_path, "\n".join(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)), "local")
    check_plugins(catalog)
    assert set(catalog.sessions) == {"my-images.mp027", "my-hippocampus.ec013.527", "my-mouse.mp019"}

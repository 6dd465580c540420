"""The catalogue: what is valid, and that an error names file, line and field."""

from pathlib import Path

import pytest

from neuropipe.catalog import Catalog
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


def test_a_session_needs_what_its_source_needs(tmp_path):
    with pytest.raises(BadInput, match="either reader or simulator"):
        load(tmp_path, VALID.replace("simulator: drift_diffusion\n", ""))
    with pytest.raises(BadInput, match="session one needs files"):
        load(tmp_path, VALID.replace("simulator: drift_diffusion", "reader: npz"))


def test_the_catalogue_of_the_project_is_valid():
    root = Path(__file__).resolve().parents[2] / "data" / "catalog"
    catalog = Catalog.load(root)
    assert "steinmetz-choice.cori-2016-12-18" in catalog.sessions
    for session in catalog:
        for name, entry in session.entry.files.items():
            assert entry.path is not None or (entry.sha256 and entry.bytes), f"{session.key}: {name} has no hash"

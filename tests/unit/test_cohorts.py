"""Cohorts: which sessions an asset is made from; what is wrong with a file is said with file, line and field."""

import pytest

from neuropipe.catalog import Catalog
from neuropipe.catalog.cohorts import load_cohort
from neuropipe.errors import BadInput
from tests.installation import ROOT

VALID = """\
title: T
groups:
  first: [d.one, d.two]
  second:
    - d.three
"""
KNOWN = ["d.one", "d.two", "d.three", "d.four"]


def load(folder, text):
    (folder / "cohorts").mkdir()
    (folder / "cohorts" / "made.yaml").write_text(text)
    return load_cohort(folder, "made", KNOWN)


def test_sessions_and_the_group_that_each_belongs_to(tmp_path):
    cohort = load(tmp_path, VALID)
    assert cohort.sessions == ["d.one", "d.two", "d.three"]
    assert [cohort.group_of(key) for key in KNOWN] == ["first", "first", "second", "none"]


def test_sessions_that_hold_the_recordings_of_a_group_in_another_form_are_left_out_with_it(tmp_path):
    cohort = load(tmp_path, VALID + "same:\n  second: [d.four]\n")
    assert cohort.sessions == ["d.one", "d.two", "d.three"], "nothing is learned from them"
    assert cohort.group_of("d.four") == "second"


def test_a_catalogue_need_not_have_one(tmp_path):
    assert load_cohort(tmp_path, "made", KNOWN) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("d.three", "d.thre"), "made.yaml:5: groups.second.0: no session is called 'd.thre'; did you mean d.three"),
        (("d.three", "d.two"), "made.yaml:5: groups.second.0: d.two is named twice"),
        (("second:", "none:"), "made.yaml:4: groups.none: a group has sessions, and another name than 'none'"),
        (("[d.one, d.two]", "[]"), "made.yaml:3: groups.first: a group has sessions"),
        (("[d.one, d.two]", "{a: b}"), "made.yaml:3: groups.first"),
        (("title: T", "titel: T"), "made.yaml:1: titel: there is no field of this name"),
        (("  second:\n    - d.three\n", ""), "made.yaml:2: groups"),
        (("[d.one", "[d.one]]"), "made.yaml:3: not valid YAML"),
        (("title: T", "title: T\nsame: {third: [d.four]}"), "same.third: no group is called 'third'"),
        (("title: T", "title: T\nsame: {first: [d.three]}"), "same.first.0: d.three is named twice"),
        (("title: T", "title: T\nsame: {first: [d.fou]}"), "same.first.0: no session is called 'd.fou'"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path, change, said):
    with pytest.raises(BadInput) as caught:
        load(tmp_path, VALID.replace(*change))
    assert said in str(caught.value)


def test_the_projects_own_holds_all_sessions_of_six_data_sets_of_gcamp6():
    catalogue = ROOT / "data" / "catalog"
    known = Catalog.load(catalogue).sessions
    cohort = load_cohort(catalogue, "deconvolution_networks", known)
    assert list(cohort.groups) == ["ds09", "ds10", "ds12", "ds14", "ds15", "ds16"]
    assert len(cohort.sessions) == 65
    # The challenge has the same neurons: its data sets 3 and 5 are those of Theis et al., 7 and 8 those of Chen et al.
    for number, group in ((3, "ds15"), (5, "ds16"), (7, "ds09"), (8, "ds14")):
        assert cohort.group_of(f"spikefinder.train-{number:02d}") == group
    assert cohort.group_of("spikefinder.test-05") == "ds16"
    assert cohort.group_of("spikefinder.train-01") == "none"
    for group, keys in cohort.groups.items():
        assert sorted(keys) == sorted(key for key in known if key.startswith(f"calcium-ground-truth.{group}-"))

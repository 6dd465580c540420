"""`neuropipe export` of whole sessions."""

import json

import pytest

from tests.cli.command import ask, get

ONE = ("--session", "quick.one")


def export(place, *arguments):
    return ask(place, "export", *arguments)


def test_a_session_becomes_one_nwb_file_with_all_that_is_in_the_store(made, tmp_path):
    import h5py

    answer = export(made, *ONE, "--output", str(tmp_path / "one.nwb"))
    assert answer.code == 0, answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["one.nwb"]
    with h5py.File(tmp_path / "one.nwb") as file:
        assert len(file["units/id"]) == 12
        assert len(file["intervals/trials/id"]) == 60
        assert len(file["processing/decoding/rate_logistic/id"]) == 60
        assert file["general/session_id"].asstr()[()] == "quick.one"
        assert file["general/subject/description"].asstr()[()] == "There is no subject: the session is simulated."
    refused = export(made, *ONE, "--output", str(tmp_path / "one.nwb"))
    assert refused.code == 2
    assert "--force" in refused.err
    before = (tmp_path / "one.nwb").read_bytes()
    assert export(made, *ONE, "--output", str(tmp_path / "one.nwb"), "--force").code == 0
    assert (tmp_path / "one.nwb").read_bytes() == before


def test_folders_are_replaced_only_where_they_were_exported(made, tmp_path):
    import xarray

    tensor = tmp_path / "one.zarr"
    assert export(made, *ONE, "--output", str(tensor)).code == 0
    assert export(made, *ONE, "--output", str(tensor), "--force").code == 0
    found = xarray.open_zarr(tensor, consolidated=False)
    assert dict(found.sizes) == {"trial": 60, "time": 6, "unit": 12}
    assert set(found["unit_tuning"].values) <= {"decision", "stimulus", "none"}
    assert [path.name for path in tmp_path.iterdir()] == ["one.zarr"]
    own = tmp_path / "thesis.zarr"
    own.mkdir()
    (own / "chapter.txt").write_text("precious")
    refused = export(made, *ONE, "--output", str(own), "--force")
    assert refused.code == 2
    assert "was not exported in this format" in refused.err
    assert (own / "chapter.txt").read_text() == "precious"


def test_units_as_folders_of_pynapple_and_spikeinterface(made, tmp_path):
    for form in ("pynapple", "spikeinterface"):
        assert export(made, *ONE, "--format", form, "--output", str(tmp_path / form)).code == 0
    assert json.loads((tmp_path / "pynapple" / "session.json").read_text())["asset"] == "recording"
    assert (tmp_path / "spikeinterface" / "numpysorting_info.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--session", "quick.two", "--output", "x.nwb"), "make it with `neuropipe run --session quick.two`"),
        (("--session", "quick.*", "--output", "x.nwb"), "--session matches 2; name one"),
        ((*ONE, "--output", "x.graphml"), "nothing of quick.one that graphml holds is in the store"),
        ((*ONE, "--output", "x.mat"), "mat is no format; use --format bwb or graphml or nwb"),
        ((*ONE, "--output", "x"), "a file without ending is no format"),
        ((*ONE, "--output", ".", "--format", "nwb"), "is a folder"),
        ((*ONE, "--output", "nowhere/x.nwb"), "a folder that does not exist"),
        ((*ONE, "binned", "--output", "x", "--format", "spikeinterface"), "'binned' can't be exported"),
        ((*ONE, "decoder/knn", "--output", "x.nwb"), "make it with `neuropipe run decoder/knn --session quick.one`"),
        ((*ONE, "decoder/ridge", "--output", "x.nwb"), "decoder/ridge does not apply to quick.one"),
        ((*ONE, "--output", "x.nwb", "--density", "0.1"), "nwb has no parameter 'density'"),
    ],
)
def test_what_can_not_be_exported_is_said(made, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    answer = export(made, *arguments)
    assert answer.code == 2
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_variant_is_exported_by_its_settings(done, tmp_path):
    setting = ("--set", "decoder/rate_logistic.n_inner_folds=3")
    refused = export(done, *ONE, *setting, "decoder/rate_logistic", "--output", str(tmp_path / "x.nwb"))
    assert refused.code == 2
    assert "--set decoder/rate_logistic.n_inner_folds=3" in refused.err
    get(done, "run", "decoder/rate_logistic", *ONE, *setting)
    assert export(done, *ONE, *setting, "--output", str(tmp_path / "x.nwb")).code == 0
    import h5py

    with h5py.File(tmp_path / "x.nwb") as file:
        said = file["processing/decoding/rate_logistic"].attrs["description"]
    assert '"n_inner_folds": 3' in said

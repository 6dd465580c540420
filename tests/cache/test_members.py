"""A decoder made of others: its code version covers those that its configuration names, and no others."""

import shutil

import pytest

from assets.stages.decoding.decoders import decoder_stages, members
from neuropipe import decoders
from neuropipe.errors import BadInput
from resources.store.code_version import ROOT, code_version

ENSEMBLE = decoders.available()["ensemble"]
STAGE = next(stage for stage in decoder_stages() if stage.name == "decoder/ensemble")


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "neuropipe", tmp_path / "neuropipe", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def version(tree, *names):
    config = STAGE.config(members=names)
    return code_version(STAGE.function, (*STAGE.plugins(None), *members(ENSEMBLE, config).modules), root=tree)


@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("svm", True),
        ("margins", True),
        ("rate_logistic", True),
        ("knn", False),
        ("xgboost", False),
    ],
)
def test_editing_a_member_or_what_it_imports_changes_the_ensemble_and_a_stranger_does_not(tree, module, counts):
    before = version(tree, "svm", "rate_logistic")
    with (tree / "neuropipe" / "decoders" / f"{module}.py").open("a") as file:
        file.write("\nEDITED = True\n")
    assert (version(tree, "svm", "rate_logistic") != before) is counts


def test_members_named_in_the_configuration_count_with_their_tools():
    few, more = STAGE.config(members=("rate_logistic",)), STAGE.config(members=("rate_logistic", "xgboost"))
    assert STAGE.code_version(None, few) != STAGE.code_version(None, more)
    assert "xgboost" in STAGE.tool_versions(more)
    assert "xgboost" not in STAGE.tool_versions(few)


def test_other_decoders_have_no_members():
    stages = {stage.name: stage for stage in decoder_stages()}
    assert stages["decoder/svm"].parts(stages["decoder/svm"].config()).modules == ()


def test_a_member_that_is_no_decoder_is_refused_with_what_was_meant():
    with pytest.raises(BadInput, match="logistic_regression"):
        STAGE.code_version(None, STAGE.config(members=("logistic_regresion",)))

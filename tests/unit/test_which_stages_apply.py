"""Which stages apply to a session, by what was recorded."""

from functools import cache

import pytest

from assets.pipeline import stages
from neuropipe.catalog import Catalog
from tests.installation import ROOT


@cache
def applying(key):
    session = Catalog.load(ROOT / "data" / "catalog").session(key)
    return {stage.name for stage in stages() if stage.partitioned and stage.applies_to(session) is None}


def starting(key, *folders):
    return {name for name in applying(key) if name.startswith(folders)}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("eeglab-sample.1", {"features/voltage", "features/band_power", "spectra", "evoked"}),
        ("lfp-ca1-ec3.1", {"features/voltage", "features/band_power", "spectra"}),
        ("haxby-slice.1", {"features/standardized"}),
        ("fissa-v1-movie.20150529-a01", {"fluorescence"}),
        ("sim-choice.small", set()),
        ("suite2p-a0662.2022-08-08", set()),
    ],
)
def test_signals_and_movies_have_stages_of_their_own(key, expected):
    assert starting(key, "features/", "spectra", "evoked", "fluorescence") == expected


def test_decoders_of_spike_counts_are_not_fitted_to_what_may_be_negative():
    of_counts = {"decoder/naive_bayes", "decoder/spike_transformer", "decoder/token_transformer"}
    assert starting("sim-choice.small", "decoder/") - starting("eeglab-sample.1", "decoder/") == of_counts
    assert "decoder/lda" in applying("haxby-slice.1")
    assert "evaluation/decoder/naive_bayes" not in applying("haxby-slice.1")


@pytest.mark.parametrize("key", ["eeglab-sample.1", "lfp-ca1-ec3.1", "haxby-slice.1"])
def test_connectivity_of_spikes_is_not_estimated_from_signals(key):
    assert {name for name in applying(key) if "connectivity" in name or name.startswith("communication")} == set()

"""The Steinmetz recordings of the catalogue: the files are the named ones, and hold what is known of them."""

import csv
import hashlib
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from neuropipe import plots, readers
from neuropipe.catalog import Catalog
from neuropipe.recording import Recording

CATALOG = Catalog.load(Path(__file__).resolve().parents[2] / "data" / "catalog")
KEYS = [session.key for session in CATALOG if session.dataset_name in ("steinmetz-choice", "steinmetz-feedback")]
CORI, CORI_CURATED = "steinmetz-choice.cori-2016-12-18", "steinmetz-feedback.session-03"

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(
        "NEUROPIPE_MIRROR" not in os.environ, reason="the real recordings are not here: set NEUROPIPE_MIRROR"
    ),
]


def mirrored(url: str) -> Path:
    return Path(os.environ["NEUROPIPE_MIRROR"]) / url.removeprefix("https://")


@cache
def recording(key: str) -> Recording:
    session = CATALOG.session(key)
    files = {name: mirrored(file.url) for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


@pytest.mark.parametrize("key", KEYS)
def test_catalogue_names_the_mirrors_urls_sizes_and_hashes(key):
    with open(Path(os.environ["NEUROPIPE_MIRROR"]) / "INDEX.csv", newline="") as index:
        known = {row["url"]: row for row in csv.DictReader(index)}
    for file in CATALOG.session(key).entry.files.values():
        assert known[file.url]["sha256"] == file.sha256
        assert int(known[file.url]["bytes"]) == file.bytes
        assert hashlib.sha256(mirrored(file.url).read_bytes()).hexdigest() == file.sha256


@pytest.mark.parametrize("key", [key for key in KEYS if "feedback" in key])
def test_note_says_whose_session_it_is(key):
    import rdata

    ((_, file),) = CATALOG.session(key).entry.files.items()
    session, recorded = rdata.read_rds(mirrored(file.url)), recording(key)
    n_trials, _, n_units = recorded.counts.counts.shape
    assert CATALOG.session(key).entry.note.partition(";")[0] == (
        f"{session['mouse_name'][0]}, {session['date_exp'][0]}: {n_trials} trials "
        f"({(recorded.trials['feedback'] == 1).sum()} rewarded), {n_units} units in "
        f"{recorded.units['brain_area'].nunique()} areas"
    )


# (trials, bins, units), spikes; for feedback sessions: rewarded trials, brain areas with 'root'
CONTENT = {
    "steinmetz-choice.cori-2016-12-18": ((228, 50, 1089), 1_082_629),
    "steinmetz-feedback.session-03": ((228, 40, 619), 315_280, 151, 11),
    "steinmetz-feedback.session-04": ((249, 40, 1769), 370_689, 166, 11),
    "steinmetz-feedback.session-08": ((250, 40, 1157), 478_873, 161, 15),
    "steinmetz-feedback.session-12": ((340, 40, 698), 394_726, 251, 12),
    "steinmetz-feedback.session-15": ((404, 40, 743), 439_477, 309, 8),
    "steinmetz-feedback.session-18": ((216, 40, 1090), 258_146, 174, 10),
}


@pytest.mark.parametrize("key", KEYS)
def test_shape_type_and_number_of_spikes(key):
    counts = recording(key).counts.counts
    assert (counts.shape, int(counts.sum())) == CONTENT[key][:2]
    assert counts.dtype == np.uint8


@pytest.mark.parametrize("key", KEYS)
def test_bins_fill_the_window_of_the_task(key):
    published, task = recording(key).counts, CATALOG.session(key).task
    stop = published.start + published.bin_width * published.counts.shape[1]
    assert [published.start, stop] == pytest.approx(list(task.window))
    assert published.bin_width == task.bin_width
    assert task.label in recording(key).trials


def test_the_same_recording_is_named_once():
    assert CATALOG.session(CORI_CURATED).entry.same_recording_as == CORI


def test_choices_of_cori():
    choices, numbers = np.unique(recording(CORI).trials["choice"], return_counts=True)
    assert (choices.tolist(), numbers.tolist()) == ([-1, 0, 1], [94, 77, 57])


@pytest.mark.parametrize("key", [key for key in KEYS if "feedback" in key])
def test_feedback_sessions(key):
    trials, units = recording(key).trials, recording(key).units
    assert set(trials["feedback"]) == {-1, 1}
    assert (trials["feedback"] == 1).sum() == CONTENT[key][2]
    assert units["brain_area"].nunique() == CONTENT[key][3]
    assert set(trials["contrast_left"]) | set(trials["contrast_right"]) == {0, 0.25, 0.5, 1}
    assert (trials["start"].diff().dropna() > 1).all()
    np.testing.assert_allclose(trials["stop"] - trials["start"], 0.4, atol=1e-6)


def test_the_two_files_of_one_recording_agree_trial_by_trial():
    """A rewarded trial says which choice was right: the stronger side (1 left, -1 right), none without a stimulus."""
    choice, trials = recording(CORI).trials["choice"], recording(CORI_CURATED).trials
    rewarded, difference = trials["feedback"] == 1, trials["contrast_difference"]
    assert set(choice[rewarded & (difference < 0)]) == {1}
    assert set(choice[rewarded & (difference > 0)]) == {-1}
    assert set(choice[rewarded & (trials["contrast_left"] + trials["contrast_right"] == 0)]) == {0}
    assert 1 not in set(choice[~rewarded & (difference < 0)])
    assert -1 not in set(choice[~rewarded & (difference > 0)])


def test_visual_cortex_answers_the_stimulus_within_a_tenth_of_a_second():
    """If bins were cut at another event or axes swapped, VISp would not stay at rest for 30 ms and then rise."""
    session = recording(CORI_CURATED)
    stimulus = (session.trials["contrast_left"] + session.trials["contrast_right"] > 0).to_numpy()
    visual = (session.units["brain_area"] == "VISp").to_numpy()
    rate = session.counts.counts[stimulus][:, :, visual].mean(axis=(0, 2)) / session.counts.bin_width
    assert rate[5:12].max() > 1.3 * rate[:4].mean()


def test_the_raster_of_cori_draws(tmp_path):
    session = recording(CORI)
    drawn = plots.raster_and_psth(
        session.counts.counts, session.trials["choice"], [-1, 0, 1], 0.02, -1.0, event="response", label="choice"
    )
    plots.save(drawn, tmp_path / "raster.png")
    peaks = np.asarray(drawn.axes[0].get_images()[0].get_array()).argmax(axis=1)
    # the sequence sorted on one half of the trials is seen in the other half
    assert np.corrcoef(np.arange(len(peaks)), peaks)[0, 1] > 0.15

"""The real field potentials and BOLD: what the readers find in them, and what decoders reach."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from neuropipe import decoders, fields, readers
from neuropipe.binning.signals import average_in_windows
from neuropipe.catalog import Catalog
from neuropipe.fields.evoked import average, cut_epochs
from neuropipe.fields.extraction import extract
from neuropipe.fields.filtering import band_pass
from neuropipe.fields.spectra import cross_spectra, peak_in_band
from neuropipe.folds import make_folds
from tests.installation import ROOT

CATALOG = Catalog.load(ROOT / "data" / "catalog")
pytestmark = pytest.mark.mirror


def recording(key):
    session = CATALOG.session(key)
    mirror = Path(os.environ["NEUROPIPE_MIRROR"])
    files = {name: mirror / file.url.removeprefix("https://") for name, file in session.entry.files.items()}
    return readers.get(session.dataset.reader).load()(files, **session.parameters)


def accuracy(make, X, labels, folds):
    """Share of test samples that are predicted right, each fold fitted on its training samples."""
    right = np.zeros(len(labels), bool)
    for _, split in folds.groupby("fold"):
        train, test = (split.loc[split["role"] == role, "sample"].to_numpy() for role in ("train", "test"))
        right[test] = make().fit(X[train], labels[train]).predict(X[test]) == labels[test]
    return right.mean()


class TestEEG:
    def test_channels_samples_and_events(self):
        found = recording("eeglab-sample.1")
        assert found.signals.values.shape == (30504, 32)
        assert found.signals.sampling_rate == 128.0
        assert found.trials["type"].value_counts().to_dict() == {"square": 80, "rt": 74}
        assert found.units["channel"].tolist()[:5] == ["FPz", "EOG1", "F3", "Fz", "F4"]
        assert found.trials["onset"].iloc[0] == pytest.approx((129.00875 - 1) / 128)
        assert found.trials["onset"].is_monotonic_increasing

    def test_alpha_is_strongest_at_the_back_of_the_head(self):
        found = recording("eeglab-sample.1")
        spectra = cross_spectra(found.signals.values, found.signals.segments, 128.0)
        power = spectra.power[(spectra.frequencies >= 8) & (spectra.frequencies < 13)].mean(axis=0)
        assert found.units["X"].to_numpy()[np.argmax(power)] < 0  # X points to the nose
        peak = peak_in_band(spectra.frequencies, np.median(spectra.power, axis=1), 8, 13)
        assert 9 <= peak <= 11

    def test_squares_evoke_a_positive_wave_and_are_told_from_button_presses(self):
        found = recording("eeglab-sample.1")
        signals, trials = found.signals, found.trials
        filtered = band_pass(signals.values.astype(float), 128.0, 0.5, None)
        squares = trials.loc[trials["type"] == "square", "onset"].to_numpy()
        epochs = cut_epochs(
            filtered, signals.segments, signals.starts, 128.0, squares, (-0.2, 0.8), baseline=(-0.2, 0.0)
        )
        mean, error = average(epochs.values)
        pz = found.units["channel"].tolist().index("Pz")
        assert 0.3 < epochs.times[np.argmax(mean[:, pz])] < 0.5
        assert mean[:, pz].max() > 6 * error[:, pz].max()
        onset, labels = trials["onset"].to_numpy(), trials["type"].to_numpy()
        whole = onset + 1.0 <= signals.times[-1]
        X = average_in_windows(filtered, signals.times, onset[whole], 0.125, 8)
        labels = labels[whole]
        assert accuracy(lambda: decoders.make("lda"), X, labels, make_folds(labels, gap=2)) > 0.93


def test_theta_of_hippocampus_and_entorhinal_cortex_is_coherent():
    found = recording("lfp-ca1-ec3.1")
    assert found.signals.values.shape == (75000, 2)
    assert found.units["channel"].tolist() == ["ca1", "ec3"]
    for method in ("welch", "multitaper"):
        spectra = cross_spectra(
            found.signals.values, found.signals.segments, 1250.0, method=method, pairs=np.array([[0, 1]])
        )
        peaks = [peak_in_band(spectra.frequencies, power, 4, 10) for power in spectra.power.T]
        np.testing.assert_allclose(peaks, 8.0, atol=1.0)
        at = np.argmin(np.abs(spectra.frequencies - 8))
        assert spectra.coherence[at, 0] > 0.85
        far = (spectra.frequencies > 200) & (spectra.frequencies < 400)
        assert np.median(spectra.coherence[far]) < 0.1


class TestHaxby:
    def test_voxels_runs_and_blocks(self):
        found = recording("haxby-slice.1")
        assert found.signals.values.shape == (1452, 530)
        assert found.signals.sampling_rate == pytest.approx(0.4)
        assert np.diff(found.signals.segments, axis=1).tolist() == [[121]] * 12
        assert found.trials.groupby("run")["condition"].nunique().tolist() == [8] * 12
        assert len(found.trials) == 96
        np.testing.assert_allclose(found.trials["stop"] - found.trials["start"], 22.5)
        assert found.trials["start"].iloc[0] == 15.0

    @pytest.mark.slow
    def test_lda_is_no_worse_than_plain_scikit_learn_on_the_same_voxels(self):
        found = recording("haxby-slice.1")
        feature, blocks = fields.make("standardized"), iter([slice(0, 530)])
        ((_, values),) = extract(found.signals.values, found.signals.segments, 0.4, feature, blocks)
        trials = found.trials
        X = average_in_windows(values, found.signals.times, trials["start"].to_numpy(), 7.5, 3)
        labels = trials["condition"].to_numpy()
        folds = make_folds(labels, scheme="leave_one_block_out", blocks=trials["run"].to_numpy())
        ours = accuracy(lambda: decoders.make("lda"), X, labels, folds)
        mean = X.mean(axis=1)
        theirs = accuracy(lambda: make_pipeline(StandardScaler(), LinearSVC()), mean, labels, folds)
        assert theirs > 0.7
        assert ours >= max(theirs, 0.85)

"""Quality metrics equal SpikeInterface's on the same units, and thresholds reject for the reason that they give."""

import numpy as np
import pandas as pd
import pytest

from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains
from neuropipe.simulate import voltage as simulated_voltage
from neuropipe.sorting.binary import in_one_binary
from neuropipe.sorting.curation import Thresholds, curate
from neuropipe.sorting.labels import bombcell_labels
from neuropipe.sorting.preprocessing import Preprocessing, prepare, preprocessed
from neuropipe.sorting.quality import QualitySettings, drift, presence_ratio, quality_metrics
from neuropipe.sorting.spikeinterface_objects import as_sorting
from neuropipe.sorting.templates import templates_of


@pytest.fixture(scope="module")
def sorted_units(tmp_path_factory):
    """True units beside a tetrode over 30 s, one of them contaminated by another, their templates and metrics."""
    decisions = {"n_trials": 20, "n_units": 3, "baseline_rate": 25.0}
    made = simulated_voltage(seed=2, decisions=decisions, duration=30.0, probe="tetrode", sampling_rate=20000.0)
    voltage = in_one_binary(made.voltage, tmp_path_factory.mktemp("voltage"))
    true = SpikeTrains(made.truth["spike_times"], made.truth["spike_offsets"])
    trains = [true.times[true.offsets[unit] : true.offsets[unit + 1]] for unit in range(3)]
    trains[0] = np.unique(np.concatenate([trains[0], trains[1][::5]]))
    spikes = SpikeTrains.from_list(trains)
    prepared = prepare(voltage, Preprocessing())
    found = templates_of(voltage, prepared, spikes, most_spikes=100)
    return made, voltage, prepared, spikes, found


def test_metrics_equal_spikeinterfaces(sorted_units):
    from spikeinterface.core import create_sorting_analyzer

    _, voltage, prepared, spikes, found = sorted_units
    table = quality_metrics(spikes, found.amplitudes, found.depths, voltage.duration, QualitySettings())
    analyzer = create_sorting_analyzer(
        as_sorting(spikes.times, spikes.offsets, voltage.sampling_rate),
        preprocessed(voltage, prepared),
        format="memory",
        sparse=False,
    )
    options = {"n_jobs": 1, "progress_bar": False}
    analyzer.compute("random_spikes", max_spikes_per_unit=100, seed=0)
    analyzer.compute(["noise_levels", "templates", "spike_amplitudes", "spike_locations"], **options)
    names = ["num_spikes", "firing_rate", "isi_violation", "sliding_rp_violation", "presence_ratio", "drift"]
    names += ["amplitude_cutoff", "amplitude_median", "noise_cutoff", "snr"]
    each = {"presence_ratio": {"bin_duration_s": 10.0}, "drift": {"interval_s": 10.0, "min_spikes_per_interval": 5}}
    analyzer.compute("quality_metrics", metric_names=names, metric_params=each)
    theirs = analyzer.get_extension("quality_metrics").get_data()
    same = ("num_spikes", "firing_rate", "isi_violations_ratio", "sliding_rp_violation", "presence_ratio")
    for name in same:
        np.testing.assert_allclose(table[name].astype(float), theirs[name].astype(float), rtol=1e-6, err_msg=name)
    for name, tolerance in (("amplitude_cutoff", 0.03), ("drift_ptp", 0.7)):
        np.testing.assert_allclose(table[name], theirs[name].astype(float), atol=tolerance, err_msg=name)
    np.testing.assert_allclose(table["amplitude_median"], theirs["amplitude_median"].abs().astype(float), rtol=0.02)
    np.testing.assert_allclose(found.units["snr"], theirs["snr"].astype(float), rtol=0.1)
    assert table["isi_violations_ratio"].idxmax() == 0


def test_templates_have_the_size_and_place_of_the_true_units(sorted_units):
    made, voltage, _, _, found = sorted_units
    true_peak = made.truth["peak_snr"][1:] * 8.0
    np.testing.assert_allclose(found.units["amplitude"][1:], true_peak, rtol=0.3)  # the filter takes some off
    true = made.truth["unit_locations"][1:, :2]
    assert np.hypot(*(found.units[["x", "y"]].to_numpy()[1:] - true).T).max() < 20  # a tetrode of 20 um tells no more
    assert found.templates.shape[2] == len(voltage.channels)
    assert np.abs(found.templates[1]).max(axis=1).argmax() == pytest.approx(found.before, abs=2)
    assert len(found.amplitudes) == len(found.depths)
    assert (found.amplitudes < 0).mean() > 0.95


def test_presence_and_drift_of_known_trains():
    times = np.arange(0.05, 60, 0.1)
    assert presence_ratio(times, 60.0, 10.0) == 1
    assert presence_ratio(times[times > 20], 60.0, 10.0) == pytest.approx(4 / 6)
    assert np.isnan(presence_ratio(times, 5.0, 10.0))
    spread, ptp = drift(times, 0.5 * times, 60.0, 10.0)
    assert ptp == pytest.approx(25.0, abs=0.1)
    assert spread == pytest.approx(0.5 * 10 * np.std(np.arange(6)), abs=0.1)
    assert np.isnan(drift(times[:3], times[:3], 60.0, 10.0)).all()


def _metrics(**changed):
    good = {"num_spikes": 500, "snr": 8.0, "firing_rate": 5.0, "presence_ratio": 1.0, "isi_violations_ratio": 0.1}
    good |= {"amplitude_cutoff": 0.01, "drift_ptp": 5.0}
    return pd.DataFrame([good, good | changed])


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"snr": 2.0}, "snr 2 is below 3"),
        ({"isi_violations_ratio": 0.7}, "isi_violations_ratio 0.7 is above 0.5"),
        ({"presence_ratio": 0.5}, "presence_ratio 0.5 is below 0.9"),
        ({"amplitude_cutoff": 0.2}, "amplitude_cutoff 0.2 is above 0.1"),
        ({"num_spikes": 10}, "num_spikes 10 is below 50"),
        ({"amplitude_cutoff": np.nan, "drift_ptp": 500.0}, ""),
    ],
)
def test_units_are_rejected_for_the_reason_that_is_given(changed, why):
    assert curate(_metrics(**changed), Thresholds()).tolist() == ["", why]


def test_labels_and_drift_reject_where_they_are_asked_for():
    table = _metrics(drift_ptp=80.0).assign(label=["good", "mua"])
    assert curate(table, Thresholds(max_drift=50.0))[1] == "drift_ptp 80 is above 50"
    assert curate(table, Thresholds(labels=("good",))).tolist() == ["", "label mua"]
    with pytest.raises(BadInput, match="set labels of quality_metrics to 'bombcell'"):
        curate(table.drop(columns="label"), Thresholds(labels=("good",)))


def test_bombcell_labels_by_its_thresholds(sorted_units):
    _, voltage, _, spikes, found = sorted_units
    table = quality_metrics(spikes, found.amplitudes, found.depths, voltage.duration, QualitySettings())
    table = pd.concat([table, found.units], axis=1)
    labels = bombcell_labels(table)
    assert set(labels) <= {"good", "mua", "noise", "non_soma"}
    assert bombcell_labels(table.assign(snr=1.0)).tolist() == [
        label if label in ("noise", "non_soma") else "mua" for label in labels
    ]

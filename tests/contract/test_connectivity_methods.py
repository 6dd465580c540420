"""Every connectivity method keeps the same promises, whatever it estimates."""

import functools

import numpy as np
import pytest

from neuropipe import connectivity
from neuropipe.connectivity import ConnectivityData
from neuropipe.errors import BadInput
from neuropipe.recording import SpikeTrains

METHODS = connectivity.available()
OF_SPIKES = [name for name, plugin in METHODS.items() if plugin.facts["needs"] == "spikes"]
OF_COUNTS = [name for name, plugin in METHODS.items() if plugin.facts["needs"] == "counts"]
SECONDS, RATE, SILENT = 90.0, 12.0, 3
ORDER = np.array([4, 2, 0, 5, 3, 1])


@functools.cache
def spikes() -> ConnectivityData:
    """Six units: unit 0 drives 1 after 3 ms, unit 2 drives 4 after 2 ms, unit 3 fires twice in all."""
    rng = np.random.default_rng(5)
    trains = [np.sort(rng.uniform(0, SECONDS, rng.poisson(RATE * SECONDS))) for _ in range(6)]
    for source, target, delay in ((0, 1, 0.003), (2, 4, 0.002)):
        driven = trains[source][rng.random(len(trains[source])) < 0.4] + delay
        trains[target] = np.sort(np.concatenate([trains[target], driven[driven < SECONDS]]))
    trains[SILENT] = np.array([10.0, 20.0])
    return ConnectivityData(spikes=SpikeTrains.from_list(trains), start=0.0, stop=SECONDS)


@functools.cache
def fitted(name: str):
    return connectivity.make(name).fit(spikes())


def test_there_is_a_method():
    assert {"correlation", "partial_correlation"} <= set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_it_declares_what_it_needs_and_what_its_weights_mean(name):
    facts = METHODS[name].facts
    assert facts["needs"] in ("spikes", "counts")
    assert all(isinstance(facts[each], bool) for each in ("directed", "signed", "calibrated"))


@pytest.mark.parametrize("name", METHODS)
def test_weights_of_all_pairs_are_finite_and_none_is_with_itself(name):
    method = fitted(name)
    assert method.weights_.shape == (6, 6)
    assert method.weights_.dtype == np.float64
    assert np.isfinite(method.weights_).all()
    assert not np.diag(method.weights_).any()
    if not METHODS[name].facts["directed"]:
        np.testing.assert_allclose(method.weights_, method.weights_.T, rtol=1e-9)
    if not METHODS[name].facts["signed"]:
        assert (method.weights_ >= 0).all()
    for values in (method.p_values_, method.delays_):
        assert values is None or (values.shape == (6, 6) and np.isnan(np.diag(values)).all())
    if method.p_values_ is not None:
        known = method.p_values_[np.isfinite(method.p_values_)]
        assert ((known >= 0) & (known <= 1)).all()


@pytest.mark.parametrize("name", METHODS)
def test_a_silent_unit_is_left_out_and_says_why(name):
    method = fitted(name)
    assert method.left_out_ == {SILENT: "it has fewer than 10 spikes or events"}
    assert not method.weights_[SILENT].any()
    assert not method.weights_[:, SILENT].any()


@pytest.mark.parametrize("name", OF_SPIKES)
def test_a_strong_connection_is_the_largest_weight_of_its_target(name):
    weights = np.abs(fitted(name).weights_)
    assert weights[:, 1].argmax() == 0
    assert weights[:, 4].argmax() == 2


@pytest.mark.parametrize("name", METHODS)
def test_two_runs_give_the_same_bytes(name):
    first, again = fitted(name), connectivity.make(name).fit(spikes())
    for attribute in ("weights_", "p_values_", "delays_"):
        one, other = getattr(first, attribute), getattr(again, attribute)
        assert (one is None and other is None) or one.tobytes() == other.tobytes(), attribute


@pytest.mark.parametrize("name", METHODS)
def test_permuting_units_permutes_the_result(name):
    found = connectivity.make(name).fit(spikes().units(ORDER)).weights_
    expected = fitted(name).weights_[np.ix_(ORDER, ORDER)]
    tolerance = 0.15 if "seed" in METHODS[name].parameters else 1e-3  # surrogates are drawn unit by unit
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", METHODS)
def test_one_unit_is_refused(name):
    alone = spikes().units(np.array([0, SILENT]))
    with pytest.raises(BadInput, match="1 of 2 units have at least 10 spikes or events; two are needed"):
        connectivity.make(name).fit(alone)


@pytest.mark.parametrize("name", OF_SPIKES)
def test_counts_are_refused_by_methods_that_read_lags(name):
    counts = spikes().binned(0.02)
    with pytest.raises(BadInput, match=r"needs spike times, but the activity comes in bins of 20 ms"):
        connectivity.make(name).fit(counts)


@pytest.mark.parametrize("name", OF_COUNTS)
def test_trial_counts_will_do_for_methods_of_counts(name):
    counts = spikes().binned(0.02)
    trials = np.arange(0, len(counts.counts) + 1, 50)
    data = ConnectivityData(counts=counts.counts[: trials[-1]], bin_width=0.02, segments=trials)
    weights = connectivity.make(name).fit(data).weights_
    assert np.isfinite(weights).all()
    assert np.abs(weights[:, 1]).argmax() == 0


@pytest.mark.parametrize("name", METHODS)
def test_a_recording_too_short_for_the_longest_lag_is_refused(name):
    method = connectivity.make(name)
    if method.longest_lag == 0:
        return  # it reads no lags
    short = spikes().part(0.0, 50 * method.longest_lag)
    with pytest.raises(BadInput, match="too short for lags"):
        method.fit(short)


@pytest.mark.parametrize("name", METHODS)
def test_parameters_out_of_range_are_refused_by_name(name):
    for parameter in ("bin_width",):
        if parameter in METHODS[name].parameters:
            with pytest.raises(BadInput, match=parameter):
                connectivity.make(name, **{parameter: -1.0}).fit(spikes())


def test_a_population_of_one_and_spikes_beyond_the_session_are_refused():
    train = np.arange(1.0, 20.0)
    with pytest.raises(BadInput, match="at least 2 are needed, found 1"):
        ConnectivityData(spikes=SpikeTrains.from_list([train]), stop=30.0)
    with pytest.raises(BadInput, match="9 spikes lie outside the recording, 0 to 10 s"):
        ConnectivityData(spikes=SpikeTrains.from_list([train, train[:2]]), stop=10.0)

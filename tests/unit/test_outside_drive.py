"""Common drive, drift and stimuli have the strength and the time course that they say."""

import numpy as np

from neuropipe.simulate.outside_drive import DRIFT_STEPS, SLOW_STEPS, STEP, advance_drive, outside_drive, start_drive
from neuropipe.simulate.populations import Population
from neuropipe.simulate.stimuli import Stimuli


def driven(loading: list[float], n_steps: int, drift: float = 0.0, stimuli: Stimuli | None = None) -> np.ndarray:
    """Drive of units that share one group, (change, unit)."""
    n_units = len(loading)
    population = Population(
        target_rates=np.ones(n_units), group=np.zeros(n_units, int), loading=np.array(loading), observed=np.arange(1)
    )
    shown = stimuli or Stimuli(np.empty(0), np.empty(0, int), np.zeros((1, n_units)))
    drive, rng = outside_drive(population, 0.05, drift, 20.0, shown), np.random.default_rng(0)
    state, outside, trial, found = start_drive(drive, rng), np.zeros(n_units), 0, []
    for time in range(0, n_steps, SLOW_STEPS):
        trial = advance_drive(drive, time, trial, state, outside, rng)
        found.append(outside.copy())
    return np.array(found)


def test_common_drive_is_smooth_and_as_strong_as_its_loading():
    values = driven([2.0, 0.5], round(150 / STEP))
    np.testing.assert_allclose(values[:, 0], 4 * values[:, 1])
    np.testing.assert_allclose(values.std(axis=0), [2.0, 0.5], rtol=0.08)
    lags = np.array([0.005, 0.02, 0.05, 0.1, 0.2])
    shifts = np.round(lags / STEP / SLOW_STEPS).astype(int)
    found = [np.mean(values[:-shift, 0] * values[shift:, 0]) / values[:, 0].var() for shift in shifts]
    np.testing.assert_allclose(found, (1 + lags / 0.05) * np.exp(-lags / 0.05), atol=0.06)
    assert found[0] > 0.99  # no peak of milliseconds; exp(-lag / time) would give .90


def test_drift_is_slow_and_each_unit_has_its_own():
    values = driven([0.0] * 50, round(100 / STEP), drift=1.5)[:: DRIFT_STEPS // SLOW_STEPS]
    assert abs(values.std() - 1.5) < 0.15
    lag_one = np.mean(values[1:] * values[:-1]) / np.mean(values**2)
    assert abs(lag_one - np.exp(-1 / 20)) < 0.02
    assert abs(np.corrcoef(values.T)[~np.eye(50, dtype=bool)].mean()) < 0.1


def test_a_stimulus_rises_to_its_strength_and_falls():
    stimuli = Stimuli(np.array([0.5, 1.5]), np.array([1, 0]), np.array([[0.0, 1.0], [3.0, 0.0]]))
    values = driven([0.0, 0.0], round(2.5 / STEP), stimuli=stimuli)
    at = np.round(np.array([0.4, 0.53, 0.95, 1.4, 1.95]) / STEP / SLOW_STEPS).astype(int)
    np.testing.assert_allclose(values[at, 0], [0, 3 * (1 - np.exp(-1)), 3, 0, 0], atol=0.1)
    np.testing.assert_allclose(values[at, 1], [0, 0, 0, 0, 1], atol=0.1)

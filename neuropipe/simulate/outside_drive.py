"""What moves simulated networks from outside: common drive of groups, drift of each unit, stimuli (numba kernel)."""

from typing import NamedTuple

import numba
import numpy as np

from neuropipe.simulate.populations import Population
from neuropipe.simulate.stimuli import DURATION, Stimuli

STEP = 0.0005  # s
SLOW_STEPS = 2  # the drive changes every so many steps
DRIFT_STEPS = 2000  # drift changes every so many steps
STIMULUS_RISE = 0.03  # s, time constant of the smoothing of stimuli


class OutsideDrive(NamedTuple):
    """Sources of drive, in the unit of the model's drive; decays are factors per change.

    group : (unit,) of the common drive; loading : (unit,) SD of a unit's common drive; drift : SD of each unit's own
    onsets : (trial,) steps; classes : (trial,); stimulus_steps : length; stimulus : (class, unit)
    """

    group: np.ndarray
    loading: np.ndarray
    decay_common: float
    drift: float
    decay_drift: float
    onsets: np.ndarray
    classes: np.ndarray
    stimulus_steps: int
    stimulus: np.ndarray
    decay_stimulus: float


def outside_drive(
    population: Population, common_drive_time: float, rate_drift: float, rate_drift_time: float, stimuli: Stimuli
) -> OutsideDrive:
    """The drive of a population; times in s."""
    return OutsideDrive(
        group=population.group,
        loading=population.loading,
        decay_common=float(np.exp(-SLOW_STEPS * STEP / common_drive_time)),
        drift=float(rate_drift),
        decay_drift=float(np.exp(-DRIFT_STEPS * STEP / rate_drift_time)),
        onsets=np.round(stimuli.onsets / STEP).astype(np.int64),
        classes=stimuli.classes,
        stimulus_steps=round(DURATION / STEP),
        stimulus=stimuli.strength,
        decay_stimulus=float(np.exp(-SLOW_STEPS * STEP / STIMULUS_RISE)),
    )


def steady(drive: OutsideDrive) -> OutsideDrive:
    """The same without drift and stimuli, for finding a unit's drive before the recording."""
    return drive._replace(drift=0.0, onsets=drive.onsets[:0], classes=drive.classes[:0])


@numba.njit(nogil=True)
def start_drive(drive, rng):
    """State before the first step: fast (group,), common (group,), drift (unit,), shown (unit,)."""
    n_groups, n_units = drive.group.max() + 1, len(drive.loading)
    fast, common = rng.standard_normal(n_groups), np.zeros(n_groups)
    for _ in range(int(10 / (1 - drive.decay_common))):
        _advance_common(drive.decay_common, fast, common, rng)
    return fast, common, drive.drift * rng.standard_normal(n_units), np.zeros(n_units)


@numba.njit(nogil=True)
def _advance_common(decay, fast, common, rng):
    kick = np.sqrt(1 - decay**2)
    scale = (1 + decay) / np.sqrt(1 + decay**2)  # for a variance of 1
    for group in range(len(common)):
        fast[group] = fast[group] * decay + kick * rng.standard_normal()
        common[group] = common[group] * decay + (1 - decay) * scale * fast[group]


@numba.njit(nogil=True)
def advance_drive(drive, time, trial, state, outside, rng):
    """Write the drive of step `time`, a multiple of SLOW_STEPS, into outside, (unit,); returns the current trial.

    Drift is an Ornstein-Uhlenbeck process. Common drive is one that is low-pass filtered with its own time constant t:
    its autocorrelation, (1 + lag / t) exp(-lag / t), has no peak of a few milliseconds at lag 0.
    """
    fast, common, drift, shown = state
    _advance_common(drive.decay_common, fast, common, rng)
    if drive.drift > 0 and time % DRIFT_STEPS == 0:
        kick = drive.drift * np.sqrt(1 - drive.decay_drift**2)
        for unit in range(len(drift)):
            drift[unit] = drift[unit] * drive.decay_drift + kick * rng.standard_normal()
    if len(drive.onsets):
        while trial < len(drive.onsets) and time >= drive.onsets[trial] + drive.stimulus_steps:
            trial += 1
        on = trial < len(drive.onsets) and time >= drive.onsets[trial]
        for unit in range(len(shown)):
            goal = drive.stimulus[drive.classes[trial], unit] if on else 0.0
            shown[unit] = goal + (shown[unit] - goal) * drive.decay_stimulus
    for unit in range(len(outside)):
        outside[unit] = drive.loading[unit] * common[drive.group[unit]] + drift[unit] + shown[unit]
    return trial

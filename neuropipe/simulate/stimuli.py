"""Draws the trials and stimuli of simulated networks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput

BEFORE, DURATION, AFTER = 0.3, 0.5, 0.2  # s, the parts of a trial of simulators that let nobody choose them
LEAD_IN = 0.5  # s before the first trial, for transients to fade


@dataclass(frozen=True)
class Stimuli:
    """Stimuli of several classes, one per trial, and what each class does to each unit.

    onsets : (trial,) s; classes : (trial,); strength : (class, unit), 0 where a class does not drive a unit
    """

    onsets: np.ndarray
    classes: np.ndarray
    strength: np.ndarray

    def trials(self) -> pd.DataFrame | None:
        """The trial table: start, stimulus, stop (s) and stimulus_class; None without trials."""
        if not len(self.onsets):
            return None
        return pd.DataFrame(
            {
                "start": self.onsets - BEFORE,
                "stimulus": self.onsets,
                "stop": self.onsets + DURATION + AFTER,
                "stimulus_class": self.classes,
            }
        )


def draw_stimuli(
    n_trials: int, n_classes: int, n_units: int, *, gain: float, duration: float, rng: np.random.Generator
) -> Stimuli:
    """Trials that follow one another from LEAD_IN on; each class drives its own 30 % of the units.

    gain : mean strength in a driven unit; duration : s, of the recording, which must hold all trials
    """
    if n_trials and not 2 <= n_classes <= n_trials:
        raise BadInput(f"at least 2 classes and one trial a class are needed, found {n_classes} and {n_trials} trials")
    length = BEFORE + DURATION + AFTER
    if n_trials and LEAD_IN + n_trials * length > duration:
        raise BadInput(
            f"{n_trials} trials take {LEAD_IN + n_trials * length:g} s, the recording {duration:g} s; lower n_trials "
            "or raise duration"
        )
    return Stimuli(
        onsets=LEAD_IN + BEFORE + length * np.arange(n_trials),
        classes=balanced_order(n_classes, n_trials, rng) if n_trials else np.empty(0, np.int64),
        strength=gain * driven_units(n_classes, n_units, 0.3, rng),
    )


def driven_units(n_classes: int, n_units: int, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Relative strengths, (class, unit): mean 1 in the units that a class drives, 0 in others."""
    n_driven = max(1, round(fraction * n_units))
    driven = rng.permuted(np.tile(np.arange(n_units) < n_driven, (n_classes, 1)), axis=1)
    return driven * rng.gamma(8, 1 / 8, (n_classes, n_units))


def balanced_order(n_classes: int, n_trials: int, rng: np.random.Generator) -> np.ndarray:
    """Classes of trials, (trial,): each class once in every block of n_classes trials."""
    blocks = [rng.permutation(n_classes) for _ in range(-(-n_trials // n_classes))]
    return np.concatenate(blocks)[:n_trials]

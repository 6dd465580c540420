"""Sizes, target rates, common drive and the recorded part of simulated networks, and their recordings."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuropipe.errors import BadInput
from neuropipe.recording import Recording, SpikeTrains
from neuropipe.simulate.stimuli import Stimuli
from neuropipe.simulate.wiring import Wiring

LOWEST_RATE, HIGHEST_RATE = 1.0, 20.0  # Hz, of target rates
RUNAWAY = 3.0  # times the expected number of spikes; above it the network is unstable


@dataclass(frozen=True, kw_only=True)
class Population:
    """Units of a network apart from their wiring.

    target_rates : (unit,) Hz; group : (unit,) which common drive a unit gets; loading : (unit,) how much of it
    observed : indices of the units that are recorded, ascending
    """

    target_rates: np.ndarray
    group: np.ndarray
    loading: np.ndarray
    observed: np.ndarray


def draw_population(
    n_units: int,
    n_hidden: int,
    *,
    median_rate: float,
    rate_spread: float,
    common_drive: float,
    n_groups: int,
    rng: np.random.Generator,
) -> Population:
    """n_units recorded and n_hidden hidden units with log-normal target rates, clipped to 1 to 20 Hz.

    median_rate : Hz; rate_spread : SD of the logarithm of rates
    common_drive : mean loading; every unit belongs to one of n_groups, drawn at random
    """
    total = n_units + n_hidden
    rates = np.clip(rng.lognormal(np.log(median_rate), rate_spread, total), LOWEST_RATE, HIGHEST_RATE)
    return Population(
        target_rates=rates,
        group=rng.permutation(np.arange(total) % n_groups),
        loading=common_drive * rng.gamma(8, 1 / 8, total),
        observed=np.sort(rng.permutation(total)[:n_units]),
    )


def check_population(
    n_units: int,
    n_hidden: int,
    duration: float,
    median_rate: float,
    rate_spread: float,
    n_groups: int,
    **at_least_zero: float,
) -> None:
    """Refuse (BadInput) populations and drives that can't be simulated."""
    if n_units < 2 or n_hidden < 0:
        raise BadInput(f"at least 2 units are recorded and 0 hidden, found n_units {n_units} and n_hidden {n_hidden}")
    if not 1 <= duration <= 24 * 3600:
        raise BadInput(f"duration must be 1 s to 24 h, found {duration} s")
    if not LOWEST_RATE <= median_rate <= HIGHEST_RATE:
        raise BadInput(f"median_rate must be {LOWEST_RATE:g} to {HIGHEST_RATE:g} Hz, found {median_rate}")
    if not 1 <= n_groups <= n_units + n_hidden:
        raise BadInput(f"n_groups must be 1 to the number of units ({n_units + n_hidden}), found {n_groups}")
    for name, value in {"rate_spread": rate_spread, **at_least_zero}.items():
        if not value >= 0:
            raise BadInput(f"{name} must be at least 0, found {value}")


def check_times(**seconds: float) -> None:
    """Refuse (BadInput) time constants that are not longer than 0 s."""
    for name, value in seconds.items():
        if not value > 0:
            raise BadInput(f"{name} must be longer than 0 s, found {value}")


def capacity_for(target_rates: np.ndarray, duration: float) -> int:
    """Spikes to make room for: RUNAWAY times as many as the target rates give."""
    return int(RUNAWAY * target_rates.sum() * duration) + 10_000


def check_stable(n_spikes: int, capacity: int, remedy: str) -> None:
    """Refuse (BadInput) a network that filled the room for its spikes."""
    if n_spikes >= capacity:
        raise BadInput(f"the network runs away: it fires more than {RUNAWAY:g} times its target rates; {remedy}")


def observed_recording(
    times: np.ndarray,
    unit: np.ndarray,
    wiring: Wiring,
    population: Population,
    stimuli: Stimuli,
    *,
    duration: float,
    step: float,
    truth: dict[str, np.ndarray],
) -> Recording:
    """The recording of the observed units.

    times : (spike,) s, ascending; unit : (spike,) among all units; truth : further arrays, (unit,) of all units, of
    which the observed part is kept

    truth : see `integrate_and_fire_network`
    """
    observed = population.observed
    order = np.argsort(unit, kind="stable")
    edges = np.searchsorted(unit[order], np.arange(len(wiring.weights) + 1))
    trains = SpikeTrains.from_list([times[order[edges[i] : edges[i + 1]]] for i in observed])
    units = {"cell_type": np.where(wiring.is_excitatory[observed], "excitatory", "inhibitory")}
    if wiring.positions is not None:
        units |= {"x": wiring.positions[observed, 0], "y": wiring.positions[observed, 1]}
    delays = np.where(wiring.weights != 0, wiring.delay_steps * step, np.nan)
    pairs = np.ix_(observed, observed)
    known = {
        "weights": wiring.weights[pairs],
        "delays": delays[pairs],
        "is_excitatory": wiring.is_excitatory[observed],
        "target_rates": population.target_rates[observed],
        "common_drive_group": population.group[observed],
        "common_drive_loading": population.loading[observed],
        **{name: values[observed] for name, values in truth.items()},
    }
    if len(observed) < len(wiring.weights):
        known |= {
            "observed_units": observed,
            "simulated_weights": wiring.weights,
            "simulated_delays": delays,
            "simulated_is_excitatory": wiring.is_excitatory,
        }
    if len(stimuli.onsets):
        known["stimulus_strength"] = stimuli.strength[:, observed]
    return Recording(
        units=pd.DataFrame(units),
        trials=stimuli.trials(),
        spikes=trains,
        epochs=pd.DataFrame({"name": ["simulation"], "start": [0.0], "stop": [float(duration)]}),
        truth=known,
    )

"""Draws the wiring of simulated networks: who projects to whom, how strongly, with which delay."""

from dataclasses import dataclass

import numpy as np

from neuropipe.errors import BadInput

FIELD = 1000.0  # um, side of the square in which units lie; circumference of the ring of a small world
SCHEMES = ("random", "distance", "small_world")


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """A directed graph of excitatory and inhibitory units.

    weights : (source, target), 0 where there is no connection; rows of inhibitory units are negative (Dale's law)
    delay_steps : (source, target) int64, at least 1; it means something only where there is a connection
    is_excitatory : (unit,) bool; positions : (unit, 2) x and y, um, or None where the wiring ignores them
    """

    weights: np.ndarray
    delay_steps: np.ndarray
    is_excitatory: np.ndarray
    positions: np.ndarray | None

    def outgoing(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Synapses source by source: first (source + 1,), target, weight and delay_steps (synapse,).

        Source i owns the synapses first[i]:first[i + 1].
        """
        source, target = np.nonzero(self.weights)
        first = np.searchsorted(source, np.arange(len(self.weights) + 1))
        return first, target, self.weights[source, target], self.delay_steps[source, target]


def draw_wiring(
    n_units: int,
    *,
    scheme: str,
    probability: float,
    excitatory_fraction: float,
    excitatory_weight: float,
    inhibitory_weight: float,
    weight_spread: float,
    delays: tuple[float, float],
    length_scale: float,
    rewiring: float,
    step: float,
    rng: np.random.Generator,
) -> Wiring:
    """A network without self-connections, with log-normal weights and excitatory units chosen at random.

    scheme : "random", each ordered pair alike; "distance", probability falls as exp(-distance / length_scale);
        "small_world", each unit projects to its nearest neighbours on a ring, and a fraction `rewiring` of the
        connections leads to a random unit instead (Watts and Strogatz 1998, Nature 393:440, directed)
    probability : of an ordered pair to be connected, mean over pairs
    excitatory_weight, inhibitory_weight : mean sizes; weight_spread : SD of the logarithm of sizes
    delays : shortest and longest, s; uniform between them, or with scheme "distance" in proportion to the distance
    length_scale : um, units lie in a square of 1000 um; step : s, delays are multiples of it
    """
    check_wiring(scheme, probability, excitatory_fraction, excitatory_weight, inhibitory_weight, weight_spread)
    _check_delays(delays, step)
    positions = _place(n_units, scheme, rng)
    if scheme == "small_world":
        connected = _small_world(n_units, probability, rewiring, rng)
    else:
        chance = np.full((n_units, n_units), probability)
        if scheme == "distance":
            chance = _chance_by_distance(distances(positions), probability, length_scale)
        connected = rng.random((n_units, n_units)) < chance
        np.fill_diagonal(connected, False)
    is_excitatory = rng.permutation(n_units) < round(excitatory_fraction * n_units)
    sizes = rng.lognormal(-(weight_spread**2) / 2, weight_spread, (n_units, n_units))
    sizes *= np.where(is_excitatory, excitatory_weight, -inhibitory_weight)[:, None]
    share = rng.random((n_units, n_units))
    if scheme == "distance":
        share = distances(positions) / (FIELD * np.sqrt(2))
    seconds = delays[0] + (delays[1] - delays[0]) * share
    delay_steps = np.maximum(np.round(seconds / step).astype(np.int64), 1)
    return Wiring(
        weights=np.where(connected, sizes, 0.0),
        delay_steps=delay_steps,
        is_excitatory=is_excitatory,
        positions=positions if scheme != "random" else None,
    )


def distances(positions: np.ndarray) -> np.ndarray:
    """Distances between units, (unit, unit), um."""
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def check_wiring(
    scheme: str,
    probability: float,
    excitatory_fraction: float,
    excitatory_weight: float,
    inhibitory_weight: float,
    weight_spread: float,
) -> None:
    """Refuse (BadInput) wiring that can't be drawn."""
    if scheme not in SCHEMES:
        raise BadInput(f"no wiring is called {scheme!r}; choose {', '.join(SCHEMES)}")
    for name, value in (("connection_probability", probability), ("excitatory_fraction", excitatory_fraction)):
        if not 0 <= value <= 1:
            raise BadInput(f"{name} must lie between 0 and 1, found {value}")
    if not (excitatory_weight >= 0 and inhibitory_weight >= 0 and weight_spread >= 0):
        raise BadInput(
            f"excitatory_weight {excitatory_weight}, inhibitory_weight {inhibitory_weight} and weight_spread "
            f"{weight_spread} are sizes, at least 0"
        )


def _check_delays(delays: tuple[float, float], step: float) -> None:
    if not step <= delays[0] <= delays[1] <= 0.1:
        raise BadInput(
            f"delays must rise from at least one step ({step} s) to at most 0.1 s, found {delays[0]} to {delays[1]} s"
        )


def _place(n_units: int, scheme: str, rng: np.random.Generator) -> np.ndarray:
    if scheme != "small_world":
        return rng.uniform(0, FIELD, (n_units, 2))
    angle = 2 * np.pi * np.arange(n_units) / n_units
    return FIELD / (2 * np.pi) * np.column_stack([np.cos(angle), np.sin(angle)])


def _chance_by_distance(distance: np.ndarray, probability: float, length_scale: float) -> np.ndarray:
    """Connection probabilities, (unit, unit), that fall with distance and have the mean asked for over pairs."""
    if length_scale <= 0:
        raise BadInput(f"length_scale must be longer than 0 um, found {length_scale}")
    falling = np.exp(-distance / length_scale)
    pairs = ~np.eye(len(distance), dtype=bool)
    low, high = 0.0, 1.0
    while np.minimum(high * falling[pairs], 1).mean() < probability and high < 1e12:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if np.minimum(middle * falling[pairs], 1).mean() > probability else (middle, high)
    return np.minimum(high * falling, 1)


def _small_world(n_units: int, probability: float, rewiring: float, rng: np.random.Generator) -> np.ndarray:
    """Connections, (source, target) bool: neighbours on a ring, a fraction of them replaced by random targets."""
    if not 0 <= rewiring <= 1:
        raise BadInput(f"rewiring must lie between 0 and 1, found {rewiring}")
    n_targets = round(probability * (n_units - 1))
    steps = np.arange(1, n_targets + 1)
    offsets = np.where(steps % 2, (steps + 1) // 2, -(steps // 2))  # 1, -1, 2, -2, ...
    connected = np.zeros((n_units, n_units), bool)
    for source in range(n_units):
        connected[source, (source + offsets) % n_units] = True
        moved = (source + offsets[rng.random(n_targets) < rewiring]) % n_units
        free = np.flatnonzero(~connected[source] & (np.arange(n_units) != source))
        moved = moved[: len(free)]
        connected[source, moved] = False
        connected[source, rng.choice(free, len(moved), replace=False)] = True
    return connected

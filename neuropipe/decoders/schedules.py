"""How fast to learn when: a short warm-up, then down along a cosine."""

import math

WARM_UP = 0.15


def one_cycle(progress: float) -> float:
    """Share of the highest learning rate at `progress` (0 .. 1) through training (Smith & Topin 2018)."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * progress / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))

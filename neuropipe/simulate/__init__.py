"""Simulators of recordings with known truth: each a function `(*, seed, **parameters) -> Recording`.

`simulate.drift_diffusion(...)` and the others are looked up in the registry and imported on first use.
"""

from collections.abc import Callable

from neuropipe.registry import Registry

registry = Registry("simulator", __name__)
available = registry.available
get = registry.get


def __getattr__(name: str) -> Callable:
    if name not in registry.available():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return registry.get(name).load()

"""Simulators: recordings whose truth is known, each a function `simulate(*, seed, **parameters) -> Recording`."""

from neuropipe.registry import Registry

registry = Registry("simulator", __name__)
available = registry.available
get = registry.get

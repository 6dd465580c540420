"""Layers that networks share. Random numbers come from a generator that is passed in, never from torch's global one.

Folds are fitted in parallel threads of one process, which would otherwise share one stream of random numbers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) that draws from its own generator."""

    generator: torch.Generator | None = None

    def __init__(self, probability: float):
        super().__init__()
        self.probability = probability

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if not self.training or self.probability == 0:
            return values
        kept = torch.empty_like(values).bernoulli_(1 - self.probability, generator=self.generator)
        return values * kept / (1 - self.probability)


class WithProjection(nn.Module):
    """A network whose inputs are first projected on principal components. loadings : (unit, component)"""

    loadings: torch.Tensor

    def __init__(self, loadings: torch.Tensor, network: nn.Module):
        super().__init__()
        self.register_buffer("loadings", loadings, persistent=False)
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs @ self.loadings)


class WithLoadings(nn.Module):
    """A network of units that is also given the units' loadings. loadings : (unit, component)"""

    loadings: torch.Tensor

    def __init__(self, loadings: torch.Tensor, network: nn.Module):
        super().__init__()
        self.register_buffer("loadings", loadings, persistent=False)
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs, self.loadings)


@contextmanager
def drawing_from(network: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """Let the network's dropout layers draw from `generator` inside the block."""
    dropouts = [module for module in network.modules() if isinstance(module, Dropout)]
    for module in dropouts:
        module.generator = generator
    try:
        yield
    finally:
        for module in dropouts:
            module.generator = None

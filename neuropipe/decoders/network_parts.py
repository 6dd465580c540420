"""What networks are made of here: every random number comes from a generator that is handed in, none from torch's own.

Folds are fitted side by side in threads of one process, which would otherwise share one stream of random numbers.
"""

import math
from collections.abc import Callable, Iterator
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


class Projected(nn.Module):
    """A network behind a fixed projection. axes : (unit, component)"""

    def __init__(self, axes: torch.Tensor, network: nn.Module):
        super().__init__()
        self.register_buffer("axes", axes, persistent=False)
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs @ self.axes)


class WithAxes(nn.Module):
    """A network of units that is told their loadings. axes : (unit, component)"""

    def __init__(self, axes: torch.Tensor, network: nn.Module):
        super().__init__()
        self.register_buffer("axes", axes, persistent=False)
        self.network = network

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs, self.axes)


@contextmanager
def drawing_from(network: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """In here the network's dropout draws from `generator`."""
    dropouts = [part for part in network.modules() if isinstance(part, Dropout)]
    for part in dropouts:
        part.generator = generator
    try:
        yield
    finally:
        for part in dropouts:
            part.generator = None


def build(make: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """The network that `make` describes, its weights drawn from `generator` on the generator's device.

    Matrices: uniform within 1 / sqrt(number of inputs), as torch has it; vectors: 0 for biases and 1 for gains;
    recurrent matrices: orthogonal in each gate (Saxe et al. 2014); the forget gate of an LSTM opens with a bias of 1
    (Jozefowicz et al. 2015); the read-out, the parameter group `readout`, starts at 0, so that training starts from no
    opinion about any trial.
    """
    with torch.device("meta"):
        described = make()
    network = described.to_empty(device=generator.device)
    with torch.no_grad():
        for name, values in network.named_parameters():
            _draw(name, values, generator)
        for part in network.modules():
            if isinstance(part, nn.LSTM):
                part.bias_ih_l0[part.hidden_size : 2 * part.hidden_size] = 1.0
    return network


def _draw(name: str, values: torch.Tensor, generator: torch.Generator) -> None:
    if name.startswith("readout."):
        values.zero_()
    elif values.ndim == 1:
        values.fill_(1.0 if name.endswith("weight") else 0.0)
    elif "weight_hh" in name:
        for gate in values.split(values.shape[1]):
            nn.init.orthogonal_(gate, generator=generator)
    elif name.endswith(("positions", "steps", "queries")):
        values.normal_(0, 0.02, generator=generator)
    else:
        bound = 1 / math.sqrt(values[0].numel())
        values.uniform_(-bound, bound, generator=generator)

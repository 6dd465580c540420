"""Weight initialisation by type of layer, seeded by an explicit generator.

A network is constructed as torch constructs it, so that buffers, norms, embeddings and bare parameters keep the values
that their constructors gave them. Then the layers listed in `INITIALISERS` are drawn again from the generator.
"""

import math
import threading
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from neuropipe.errors import BadInput

_global_generator = threading.Lock()


@runtime_checkable
class DrawsParameters(Protocol):
    """A module that draws its own parameters, such as positional embeddings."""

    def draw_parameters(self, generator: torch.Generator) -> None:
        """Draw the parameters in place from the generator."""


def build(make: Callable[[], nn.Module], generator: torch.Generator) -> nn.Module:
    """Construct a network on the generator's device and draw its weights from the generator.

    Linear and convolutional weights: uniform within 1 / sqrt(number of inputs), biases 0. Recurrent layers: the same
    for their inputs, orthogonal recurrent matrices in each gate (Saxe et al. 2014), biases 0 but for the forget gate of
    an LSTM, which starts open with a bias of 1 (Jozefowicz et al. 2015). The read-out, the linear layer `readout`, is
    all 0, so that training starts from equal outputs for every trial. A module with a method
    `draw_parameters(generator)` draws its own parameters (see `DrawsParameters`).
    """
    network = construct(make, generator.initial_seed()).to(generator.device)
    readout = getattr(network, "readout", None)
    with torch.no_grad():
        for module in network.modules():
            if module is readout:
                for values in module.parameters():
                    values.zero_()
            elif isinstance(module, DrawsParameters):
                module.draw_parameters(generator)
            else:
                _initialise(module, generator)
    return network


def construct(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Construct a network whose constructors draw from torch's global generator, seeded for the while and restored.

    Threads take turns, as they share that generator.
    """
    with _global_generator, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = make()
    _check(network)
    return network


def draw_embedding(values: torch.Tensor, generator: torch.Generator) -> None:
    """Draw a positional or query embedding from N(0, 0.02^2), in place."""
    values.normal_(0, 0.02, generator=generator)


def _check(network: nn.Module) -> None:
    """Refuse layers that `build` or training cannot control."""
    readout = getattr(network, "readout", None)
    if readout is not None and not isinstance(readout, nn.Linear):
        raise BadInput(f"the readout of {type(network).__name__} is a {type(readout).__name__}; it must be a Linear")
    for name, module in network.named_modules():
        # Dropout layers have the attribute `p`; recurrent and attention layers have their own `dropout`.
        share = module.p if isinstance(module, nn.modules.dropout._DropoutNd) else getattr(module, "dropout", 0)
        if isinstance(share, float) and share > 0:
            raise BadInput(
                f"{name} of {type(network).__name__} is a torch {type(module).__name__} with dropout, which draws from "
                "torch's global generator; use neuropipe.decoders.networks.layers.Dropout instead"
            )


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    for kind, initialise in INITIALISERS.items():
        if isinstance(module, kind):
            initialise(module, generator)
            return


def _initialise_weight(layer: nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d, generator: torch.Generator) -> None:
    _draw_uniform(layer.weight, generator)
    if layer.bias is not None:
        layer.bias.zero_()


def _initialise_recurrent(layer: nn.RNNBase, generator: torch.Generator) -> None:
    for name, values in layer.named_parameters():
        if name.startswith("bias"):
            values.zero_()
            if name.startswith("bias_ih") and isinstance(layer, nn.LSTM):
                values[layer.hidden_size : 2 * layer.hidden_size] = 1.0  # the forget gate
        elif name.startswith("weight_hh"):
            for gate in values.split(layer.hidden_size):
                nn.init.orthogonal_(gate, generator=generator)
        else:
            _draw_uniform(values, generator)


def _draw_uniform(weight: torch.Tensor, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(weight[0].numel())
    weight.uniform_(-bound, bound, generator=generator)


INITIALISERS: dict[type[nn.Module], Callable[[Any, torch.Generator], None]] = {
    nn.Linear: _initialise_weight,
    nn.Conv1d: _initialise_weight,
    nn.Conv2d: _initialise_weight,
    nn.Conv3d: _initialise_weight,
    nn.RNNBase: _initialise_recurrent,
}

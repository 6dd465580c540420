"""The training loop of every network here: AdamW, one cycle of learning rates, clipped gradients, resumable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from neuropipe.decoders.augmentation import Augmentation, Samples
from neuropipe.decoders.checkpoints import Checkpoints
from neuropipe.decoders.network_parts import drawing_from
from neuropipe.decoders.schedules import one_cycle

LARGEST_GRADIENT = 1.0  # Euclidean norm over all weights
EPOCHS_BETWEEN_CHECKPOINTS = 5

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs and targets (trial, output) -> loss of each trial."""


@dataclass(frozen=True)
class Recipe:
    """n_epochs : length of the cycle of learning rates; batch_size : trials a step, at most;
    learning_rate : the highest of the cycle; weight_decay : of matrices, biases and gains are free of it
    (Loshchilov & Hutter 2019)"""

    n_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    augmentation: Augmentation


@dataclass(frozen=True)
class Part:
    """One network of a fit. name : file of its checkpoints; n_epochs : after how many training stops, the cycle may be
    longer; validation : trials scored after every epoch, unaugmented, never learned from."""

    name: str
    n_epochs: int
    train: Samples
    validation: Samples | None = None


def train(
    network: nn.Module,
    part: Part,
    recipe: Recipe,
    loss: Loss,
    validation_loss: Loss,
    generator: torch.Generator,
    checkpoints: Checkpoints | None,
    on_epoch: Callable[[Mapping[str, Any]], None],
) -> list[dict[str, Any]]:
    """Train in place; the learning curve comes back, one row an epoch, each also handed to `on_epoch` when it is done.

    With checkpoints, training goes on from the last one of this part, generator included, and so ends in the same
    weights as if it had never stopped.
    """
    optimizer = _optimizer(network, recipe)
    curve = _resume(network, optimizer, generator, part.name, checkpoints)
    n_batches = -(-len(part.train) // recipe.batch_size)
    for epoch in range(len(curve), part.n_epochs):
        network.train()
        total = torch.zeros((), device=generator.device)
        order = torch.randperm(len(part.train), generator=generator, device=generator.device)
        with drawing_from(network, generator):
            for number, trials in enumerate(order.tensor_split(n_batches)):
                rate = recipe.learning_rate * one_cycle((epoch + number / n_batches) / recipe.n_epochs)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                inputs, targets = recipe.augmentation.draw(part.train, trials, generator)
                total += len(trials) * _step(network, optimizer, inputs, targets, loss)
        row = {"part": part.name, "epoch": epoch + 1, "learning_rate": rate}
        row["train_loss"] = float(total) / len(part.train)
        row["validation_loss"] = _score(network, part.validation, validation_loss)
        curve.append(row)
        on_epoch(row)
        if checkpoints and ((epoch + 1) % EPOCHS_BETWEEN_CHECKPOINTS == 0 or epoch + 1 == part.n_epochs):
            checkpoints.write(part.name, _state(network, optimizer, generator), {"curve": curve})
    return curve


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    groups = [
        {"params": [values for values in parameters if values.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [values for values in parameters if values.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _step(network, optimizer, inputs, targets, loss: Loss) -> torch.Tensor:
    optimizer.zero_grad(set_to_none=True)
    # Half the bytes on a GPU; on a CPU everything stays in float32, so that results repeat exactly.
    with torch.autocast(inputs.device.type, torch.bfloat16, enabled=inputs.is_cuda):
        outputs = network(inputs)
    value = loss(outputs.float(), targets).mean()
    value.backward()
    nn.utils.clip_grad_norm_(network.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    return value.detach()


def _score(network: nn.Module, samples: Samples | None, loss: Loss) -> float | None:
    if samples is None:
        return None
    network.eval()
    with torch.no_grad():
        return float(loss(network(samples.inputs[0]), samples.targets).mean())


def _state(network, optimizer, generator) -> dict[str, torch.Tensor]:
    tensors = {f"network.{name}": values for name, values in network.state_dict().items()}
    for number, kept in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": values for name, values in kept.items()}
    return tensors | {"generator": generator.get_state()}


def _resume(network, optimizer, generator, name: str, checkpoints: Checkpoints | None) -> list[dict[str, Any]]:
    found = checkpoints.read(name) if checkpoints else None
    if found is None:
        return []
    tensors, progress = found
    generator.set_state(tensors.pop("generator"))
    network.load_state_dict(
        {key.removeprefix("network."): tensors[key] for key in tensors if key.startswith("network.")}
    )
    kept: dict[int, dict[str, torch.Tensor]] = {}
    for key in tensors:
        if key.startswith("optimizer."):
            _, number, entry = key.split(".")
            kept.setdefault(int(number), {})[entry] = tensors[key]
    optimizer.load_state_dict({"state": kept, "param_groups": optimizer.state_dict()["param_groups"]})
    return progress["curve"]

"""Training loop of all networks: AdamW, one cycle of learning rates, clipped gradients, resuming from checkpoints."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from neuropipe.decoders.networks.augmentation import Augmentation, Samples
from neuropipe.decoders.networks.checkpoints import Checkpoints
from neuropipe.decoders.networks.layers import drawing_from
from neuropipe.decoders.networks.observable import OnEpoch

LARGEST_GRADIENT = 1.0  # Euclidean norm over all weights
WARM_UP = 0.15  # share of training in which the learning rate rises
EPOCHS_BETWEEN_CHECKPOINTS = 5

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs and targets (trial, output) -> loss per trial."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings shared by all networks of a fit.

    n_epochs : length of the cycle of learning rates; batch_size : largest number of trials per step;
    learning_rate : the highest of the cycle; weight_decay : of matrices only, not of biases and gains
    (Loshchilov & Hutter 2019)
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    augmentation: Augmentation


@dataclass(frozen=True)
class TrainingRun:
    """The training of one network of a fit.

    name : of its checkpoints; n_epochs : when training stops, which may be before the end of the cycle of learning
    rates; validation : trials that are scored after every epoch, without augmentation, and never trained on
    """

    name: str
    n_epochs: int
    train: Samples
    validation: Samples | None = None


def train(
    network: nn.Module,
    run: TrainingRun,
    settings: TrainingSettings,
    loss: Loss,
    validation_loss: Loss,
    generator: torch.Generator,
    checkpoints: Checkpoints | None,
    on_epoch: OnEpoch,
) -> list[dict[str, Any]]:
    """Train a network in place -> its learning curve, one row per epoch; `on_epoch` is called with each new row.

    With checkpoints, training resumes from the last one of this run, with the generator's state, and ends in the same
    weights as uninterrupted training.
    """
    optimizer = _optimizer(network, settings)
    curve = _resume(network, optimizer, generator, run.name, checkpoints)
    n_batches = -(-len(run.train) // settings.batch_size)
    for epoch in range(len(curve), run.n_epochs):
        network.train()
        total = torch.zeros((), device=generator.device)
        order = torch.randperm(len(run.train), generator=generator, device=generator.device)
        with drawing_from(network, generator):
            for number, trials in enumerate(order.tensor_split(n_batches)):
                rate = settings.learning_rate * one_cycle((epoch + number / n_batches) / settings.n_epochs)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                inputs, targets = settings.augmentation.draw(run.train, trials, generator)
                total += len(trials) * _step(network, optimizer, inputs, targets, loss)
        row = {"part": run.name, "epoch": epoch + 1, "learning_rate": rate}
        row["train_loss"] = float(total) / len(run.train)
        row["validation_loss"] = _score(network, run.validation, validation_loss)
        curve.append(row)
        on_epoch(row)
        if checkpoints and ((epoch + 1) % EPOCHS_BETWEEN_CHECKPOINTS == 0 or epoch + 1 == run.n_epochs):
            checkpoints.write(run.name, _state(network, optimizer, generator), {"curve": curve})
    return curve


def one_cycle(progress: float) -> float:
    """Learning rate at `progress` (0 .. 1) through training, as a share of the highest (Smith & Topin 2018).

    It rises linearly during the warm-up, then falls along a cosine.
    """
    if progress < WARM_UP:
        return 0.04 + 0.96 * progress / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def _optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    groups = [
        {"params": [values for values in parameters if values.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [values for values in parameters if values.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def _step(network, optimizer, inputs, targets, loss: Loss) -> torch.Tensor:
    optimizer.zero_grad(set_to_none=True)
    # bfloat16 on a GPU, for speed; float32 on a CPU, where results are exactly reproducible.
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

"""Data augmentation against overfitting: unit dropout, mixup, time jitter."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Samples:
    """Training data. inputs : (shift, trial, bin, unit), the trial itself first, then the trial shifted in time;
    targets : (trial, output)"""

    inputs: torch.Tensor
    targets: torch.Tensor

    def __len__(self) -> int:
        return self.inputs.shape[1]

    def take(self, trials: torch.Tensor) -> "Samples":
        """Only these trials."""
        return Samples(self.inputs[:, trials], self.targets[trials])


@dataclass(frozen=True)
class Augmentation:
    """unit_dropout : share of units set to 0 in all bins of a trial (the others are scaled up to keep the mean);
    mixup : 0 for none; a trial and its label are averaged with those of another (Zhang et al. 2018), whose share is
    drawn between 0 and mixup / 2.
    Each trial is also used at one of its time shifts, drawn anew every time."""

    unit_dropout: float
    mixup: float

    def draw(
        self, samples: Samples, trials: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one random version of each of these trials -> inputs (trial, bin, unit), targets (trial, output)."""
        n_trials, device = len(trials), trials.device
        shift = torch.randint(len(samples.inputs), (n_trials,), generator=generator, device=device)
        inputs, targets = samples.inputs[shift, trials], samples.targets[trials]
        if self.mixup > 0:
            partner = torch.randperm(n_trials, generator=generator, device=device)
            share = torch.rand(n_trials, generator=generator, device=device)
            weight = 1 - 0.5 * self.mixup * share
            inputs = torch.lerp(inputs[partner], inputs, weight[:, None, None])
            targets = torch.lerp(targets[partner], targets, weight[:, None])
        if self.unit_dropout > 0:
            kept = torch.empty((n_trials, 1, inputs.shape[2]), device=device)
            kept.bernoulli_(1 - self.unit_dropout, generator=generator)
            inputs = inputs * (kept / (1 - self.unit_dropout))
        return inputs, targets

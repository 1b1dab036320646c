"""Learning rate and optimiser of a recipe."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi

import torch
from torch import nn

from experiments.recipes.recipe import IMAGES, OptimizerConfig, Recipe, ScheduleConfig, steps


def lr_factor(schedule: ScheduleConfig, step: int) -> float:
    """What multiplies the base learning rate at `step`, counted from 0."""
    total = steps(schedule)
    warmup = max(1, round(schedule.warmup * IMAGES / schedule.batch))
    ramp = min(1.0, 0.001 + 0.999 * step / warmup)  # linear from 0.001, as cvpods
    if not schedule.milestones:
        return ramp * (1 + cos(pi * step / total)) / 2
    return ramp * 0.1 ** sum(step >= round(m * total) for m in schedule.milestones)


def learning_rate(recipe: Recipe, step: int) -> float:
    """Of one optimiser step; the recipe's lr is for 16 images."""
    return recipe.optimizer.lr * recipe.schedule.batch / IMAGES * lr_factor(recipe.schedule, step)


def make_optimizer(
    model: nn.Module, recipe: OptimizerConfig, priors: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """Norm layers and biases (tensors of one axis) do not decay; the assigner's priors do, as in the authors' code.

    fused: one pass over each tensor, a fifth of the time on a CPU. It takes weight and gradient to have the same
    strides, which autograd's layout contract grants (torch, accumulate_grad.h), also in DistributedDataParallel.
    priors: of the model's parameters, those with a learning rate of their own; see `set_rate`.
    """
    learned, own = [p for p in model.parameters() if p.requires_grad], {id(p) for p in priors}
    groups = [
        {
            "params": [p for p in learned if (p.ndim > 1) == decays and (id(p) in own) == prior],
            "weight_decay": recipe.weight_decay if decays else 0.0,
            "lr_factor": recipe.priors_lr_factor if prior else 1.0,
        }
        for decays in (True, False)
        for prior in (False, True)
    ]
    if recipe.kind == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=True)
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=True)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Of the next step: `lr`, and of each group its own factor of it."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_factor"]

"""Inputs of the benchmarks: random objects and random head outputs at 800 x 1344."""

from __future__ import annotations

import torch

from assigners.assigner import Assigner
from assigners.interface import HeadSpec, Objects
from detector.detector import STRIDES
from detector.grid import make_grid
from detector.predictions import DensePredictions

HEIGHT, WIDTH = 800, 1344


def objects(n: int, classes: int, low: float, high: float, generator: torch.Generator) -> Objects:
    """n boxes of low..high px side in one image."""
    size = low + (high - low) * torch.rand(n, 2, generator=generator)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor([WIDTH, HEIGHT]) - size)
    none = torch.zeros(0, dtype=torch.long)
    labels = torch.randint(classes, (n,), generator=generator)
    return Objects(
        boxes=torch.cat((corner, corner + size), 1),
        labels=labels,
        image=torch.zeros_like(labels),
        ignore=torch.zeros(0, 4),
        ignore_image=none,
        images=1,
    )


def predictions(spec: HeadSpec, classes: int, generator: torch.Generator, logit: float = -4.0) -> DensePredictions:
    """Leaf tensors with gradients, boxes about the size of the priors."""
    sizes = tuple((s, -(-HEIGHT // s), -(-WIDTH // s)) for s in STRIDES)
    grid = make_grid(spec, sizes)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    deltas = (draw(grid.size, 4) * 0.3 + spec.style.box_bias).requires_grad_()
    branches = {b.name: draw(grid.size, b.channels).requires_grad_() for b in spec.branches}
    return DensePredictions(grid, 1, spec, (draw(grid.size, classes) + logit).requires_grad_(), deltas, branches)


def loss_step(assigner: Assigner, preds: DensePredictions, truth: Objects) -> None:
    """Assignment and loss, forward and backward."""
    terms, _ = assigner(preds, truth)
    sum(terms.values()).backward()

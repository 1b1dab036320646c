"""Batches that an assigner must stand: objects, outputs of a head, and what a step makes of both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from assigners.assigner import Assigner
from assigners.interface import HeadSpec, Objects
from detector.grid import make_grid
from detector.predictions import DensePredictions

CLASSES = 3
STRIDES = (8, 16, 32, 64, 128)  # px
SMALL, LARGE = (256, 320), (800, 1344)  # height and width, px


def faces(n: int, low: float, high: float, canvas: tuple[int, int] = SMALL, seed: int = 0) -> Tensor:
    """(n, 4) boxes with sides of low..high px."""
    generator = torch.Generator().manual_seed(seed)
    size = low + (high - low) * torch.rand(n, 2, generator=generator)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor(canvas[::-1]) - size)
    return torch.cat((corner, corner + size), 1)


NOTHING = faces(0, 1, 2)


def objects(*images: Tensor, crowd: Tensor = NOTHING) -> Objects:
    """Boxes (n, 4) px of each image, their classes in turn; crowd regions (I, 4) px of the last image."""
    boxes = torch.cat(images)
    image = torch.repeat_interleave(torch.tensor([len(mine) for mine in images]))
    last = torch.full((len(crowd),), len(images) - 1)
    labels = torch.arange(len(boxes)) % CLASSES
    return Objects(boxes=boxes, labels=labels, image=image, ignore=crowd, ignore_image=last, images=len(images))


def shuffled(batch: Objects) -> Objects:
    """The objects of each image in another order."""
    order = (torch.rand(len(batch.image), generator=torch.Generator().manual_seed(1)) + batch.image).argsort()
    return replace(batch, boxes=batch.boxes[order], labels=batch.labels[order], image=batch.image[order])


def predictions(spec: HeadSpec, images: int, canvas: tuple[int, int] = SMALL) -> DensePredictions:
    """Random outputs with gradients, boxes about the size of the priors."""
    generator = torch.Generator().manual_seed(2)
    grid = make_grid(spec, tuple((s, -(-canvas[0] // s), -(-canvas[1] // s)) for s in STRIDES))
    total = images * grid.size
    draw = [torch.randn(total, *shape, generator=generator) for shape in ((CLASSES,), (4,), (1,), (1,))]
    logits, deltas = draw[0] - 2, 0.3 * draw[1] + spec.style.box_bias
    columns = dict(zip(("objectness", "quality"), draw[2:], strict=True))
    branches = {branch.name: columns[branch.name] for branch in spec.branches}
    for x in (logits, deltas, *branches.values()):
        x.requires_grad_()
    return DensePredictions(grid, images, spec, logits, deltas, branches, progress=0.5)


def mapped(preds: DensePredictions, change) -> DensePredictions:
    """Fresh outputs: `change` of each, cut from its graph."""
    fresh = {name: change(x.detach()).requires_grad_() for name, x in outputs_of(preds).items()}
    return replace(preds, logits=fresh.pop("logits"), deltas=fresh.pop("deltas"), branches=fresh)


def outputs_of(preds: DensePredictions) -> dict[str, Tensor]:
    """The outputs of the head, by name."""
    return {"logits": preds.logits, "deltas": preds.deltas, **preds.branches}


@dataclass(frozen=True)
class Step:
    """Loss terms and the gradients of their sum, by name; zero where something takes no part."""

    terms: dict[str, Tensor]
    outputs: dict[str, Tensor]  # gradients of the head's outputs
    parameters: dict[str, Tensor]  # gradients of the assigner's own
    absent: list[str]  # outputs and parameters that take no part in the loss

    @property
    def numbers(self) -> dict[str, Tensor]:
        """All of it, each under a name a reader understands."""
        groups = {"loss": self.terms, "gradient of": self.outputs, "gradient of parameter": self.parameters}
        return {f"{title} {name}": x for title, group in groups.items() for name, x in group.items()}


def step(assigner: Assigner, preds: DensePredictions, batch: Objects) -> Step:
    """Assignment and loss, forward and backward."""
    terms, _ = assigner(preds, batch)
    outputs, own = outputs_of(preds), dict(assigner.named_parameters())
    inputs = outputs | own
    gradients = torch.autograd.grad(sum(terms.values()), list(inputs.values()), allow_unused=True)
    found = dict(zip(inputs, gradients, strict=True))
    absent = [name for name, gradient in found.items() if gradient is None]
    known = {name: torch.zeros_like(x) if found[name] is None else found[name] for name, x in inputs.items()}
    outputs, own = ({name: known[name] for name in group} for group in (outputs, own))
    return Step({name: term.detach() for name, term in terms.items()}, outputs, own, absent)


def difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> tuple[float, str]:
    """The worst of max |a - b| / max |b|, infinite where not a number, and its name."""

    def relative(x: Tensor, y: Tensor) -> float:
        return float(((x - y).abs().max() / y.abs().max().clamp(min=1e-12)).nan_to_num(nan=torch.inf))

    return max((relative(a[name], b[name]), name) for name in b)

"""Batches that an assigner must handle: objects, outputs of a head, and what a training step makes of both.

The one builder of random objects and predictions, for the kit, the benchmarks and the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from assigners.assigner import Assigner
from assigners.interface import HeadSpec, Objects
from detector.coders import coder
from detector.detector import STRIDES
from detector.grid import make_grid
from detector.predictions import DensePredictions

CLASSES = 3
CHANNELS = 16  # of the pyramid, for a method that looks at it
SMALL, LARGE = (256, 320), (800, 1344)  # height and width, px


def random_boxes(n: int, low: float, high: float, canvas: tuple[int, int] = SMALL, seed: int = 0) -> Tensor:
    """(n, 4) boxes with sides of low..high px."""
    generator = torch.Generator().manual_seed(seed)
    size = low + (high - low) * torch.rand(n, 2, generator=generator)
    corner = torch.rand(n, 2, generator=generator) * (torch.tensor(canvas[::-1]) - size)
    return torch.cat((corner, corner + size), 1)


NOTHING = random_boxes(0, 1, 2)


def to_objects(*images: Tensor, crowd: Tensor = NOTHING, classes: int = CLASSES) -> Objects:
    """Boxes (n, 4) px of each image, their classes in turn; crowd regions (I, 4) px of the last image."""
    boxes = torch.cat(images)
    return Objects(
        boxes=boxes,
        labels=torch.arange(len(boxes)) % classes,
        image=torch.repeat_interleave(torch.tensor([len(of_image) for of_image in images])),
        ignore=crowd,
        ignore_image=torch.full((len(crowd),), len(images) - 1),
        images=len(images),
    )


def shuffled(batch: Objects) -> Objects:
    """The objects of each image in another order."""
    order = (torch.rand(len(batch.image), generator=torch.Generator().manual_seed(1)) + batch.image).argsort()
    return replace(batch, boxes=batch.boxes[order], labels=batch.labels[order], image=batch.image[order])


def random_predictions(
    spec: HeadSpec,
    images: int,
    canvas: tuple[int, int] = SMALL,
    classes: int = CLASSES,
    seed: int = 2,
    logit: float = -2.0,
    channels: int = CHANNELS,
) -> DensePredictions:
    """Random outputs with gradients, boxes about the size of the priors; logit: mean of the class logits.

    channels: of the pyramid, where the head asks for it.
    """
    generator = torch.Generator().manual_seed(seed)
    grid = make_grid(spec, tuple((s, -(-canvas[0] // s), -(-canvas[1] // s)) for s in STRIDES))

    def draw(numbers: int) -> Tensor:
        return torch.randn(images * grid.size, numbers, generator=generator)

    logits, deltas = draw(classes) + logit, 0.3 * draw(4) + coder(spec).start(spec.style.box_bias)
    branches = {branch.name: draw(branch.channels) for branch in spec.branches}
    for x in (logits, deltas, *branches.values()):
        x.requires_grad_()
    shapes = [(images, channels, level.height, level.width) for level in grid.levels if spec.pyramid]
    pyramid = tuple(torch.randn(shape, generator=generator) for shape in shapes)
    return DensePredictions(grid, images, spec, logits, deltas, branches, pyramid, progress=0.5)


def mapped(preds: DensePredictions, change) -> DensePredictions:
    """Fresh outputs: `change` of each, cut from its graph."""
    fresh = {name: change(x.detach()).requires_grad_() for name, x in outputs_of(preds).items()}
    return replace(preds, logits=fresh.pop("logits"), deltas=fresh.pop("deltas"), branches=fresh)


def outputs_of(preds: DensePredictions) -> dict[str, Tensor]:
    """The outputs of the head, by name."""
    return {"logits": preds.logits, "deltas": preds.deltas, **preds.branches}


@dataclass(frozen=True)
class Step:
    """Loss terms and the gradients of their sum, by name, zero for what takes no part; and the buffers it left."""

    terms: dict[str, Tensor]
    outputs: dict[str, Tensor]  # gradients of the head's outputs
    parameters: dict[str, Tensor]  # gradients of the assigner's parameters
    absent: list[str]  # outputs and parameters that take no part in the loss
    buffers: dict[str, Tensor]  # of the assigner after the step, float64

    @property
    def numbers(self) -> dict[str, Tensor]:
        """All but the buffers, each under a name a reader understands."""
        groups = {"loss": self.terms, "gradient of": self.outputs, "gradient of parameter": self.parameters}
        return {f"{title} {name}": x for title, group in groups.items() for name, x in group.items()}


def training_step(assigner: Assigner, preds: DensePredictions, batch: Objects) -> Step:
    """Assignment and loss, forward and backward."""
    terms, _ = assigner(preds, batch)
    outputs, parameters = outputs_of(preds), dict(assigner.named_parameters())
    inputs = outputs | parameters
    gradients = torch.autograd.grad(sum(terms.values()), list(inputs.values()), allow_unused=True)
    by_name = dict(zip(inputs, gradients, strict=True))
    absent = [name for name, gradient in by_name.items() if gradient is None]
    filled = {name: torch.zeros_like(x) if by_name[name] is None else by_name[name] for name, x in inputs.items()}
    outputs, parameters = ({name: filled[name] for name in group} for group in (outputs, parameters))
    buffers = {name: x.double() for name, x in assigner.named_buffers()}
    return Step({name: term.detach() for name, term in terms.items()}, outputs, parameters, absent, buffers)


def largest_difference(a: dict[str, Tensor], b: dict[str, Tensor]) -> tuple[float, str]:
    """The worst of max |a - b| / max |b|, infinite where not a number, and its name."""

    def relative(x: Tensor, y: Tensor) -> float:
        return float(((x - y).abs().max() / y.abs().max().clamp(min=1e-12)).nan_to_num(nan=torch.inf))

    return max((relative(a[name], b[name]), name) for name in b)

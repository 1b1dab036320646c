"""Small synthetic batches on which fast code must equal its oracle.

Coordinates lie on a quarter-pixel lattice, so that ties are ties in float32, too.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from assigners.geometry import iou
from assigners.guidedanchoring import LOCATION, SHAPE
from assigners.interface import OBJECTNESS, QUALITY, Grid, HeadSpec, HeadStyle, Level, Objects
from detector.grid import make_grid
from detector.predictions import DensePredictions
from tests.oracles.common import Raw, encode

HEIGHT, WIDTH = 128, 160  # px
SIZES = tuple((s, -(-HEIGHT // s), -(-WIDTH // s)) for s in (8, 16, 32, 64, 128))  # stride, height, width
KINDS = ("none", "one", "identical", "nested", "tiny", "outside", "random", "many")

IMPLICIT = replace(OBJECTNESS, implicit=True)
THIRDS = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
RETINA = {"scales": THIRDS, "ratios": (0.5, 1.0, 2.0), "base": 4.0, "coder": "delta"}
SPECS = {
    "retinanet": HeadSpec(**RETINA),
    "fcos": HeadSpec(branches=(QUALITY,), style=HeadStyle(offset=0.5)),
    "atss": HeadSpec(branches=(QUALITY,)),
    "freeanchor": HeadSpec(**RETINA, delta_weights=(10.0, 10.0, 5.0, 5.0), style=HeadStyle(prior_prob=0.02)),
    "metaanchor": HeadSpec(**RETINA),
    "guidedanchoring": HeadSpec(base=4.0, coder="delta", branches=(LOCATION, SHAPE)),
    "noisy_anchors": HeadSpec(**RETINA),
    "plain_fcos": HeadSpec(coder="exp", branches=(replace(QUALITY, tower="class"),), style=HeadStyle(offset=0.5)),
    "sapd": HeadSpec(base=1.0, coder="ltrb4", pyramid=True, style=HeadStyle(offset=0.5, norm="none", box_bias=0.4)),
    "fsaf": HeadSpec(base=1.0, coder="ltrb4", style=HeadStyle(norm="none", box_bias=1.0)),
    "autoassign": HeadSpec(branches=(IMPLICIT,), style=HeadStyle(prior_prob=0.02, box_bias=4.0)),
}


def loop_grid(spec: HeadSpec) -> Grid:
    """The grid of SIZES by plain loops: level, row, column, ratio, scale."""
    shapes = [(spec.base * s / r**0.5, spec.base * s * r**0.5) for r in spec.ratios for s in spec.scales]
    boxes, centers, strides, levels = [], [], [], []
    for stride, height, width in SIZES:
        start = len(boxes)
        for row in range(height):
            for column in range(width):
                x, y = (column + spec.style.offset) * stride, (row + spec.style.offset) * stride
                for w, h in shapes:
                    w, h = w * stride / 2, h * stride / 2
                    boxes.append((x - w, y - h, x + w, y + h))
                    centers.append((x, y))
                    strides.append(stride)
        levels.append(Level(start, len(boxes), stride, height, width))
    columns = (torch.tensor(v, dtype=torch.float32) for v in (boxes, centers, strides, shapes))
    return Grid(*(next(columns) for _ in range(3)), tuple(levels), next(columns), spec.style.offset)


def lattice(generator: torch.Generator, count: int, low: float, high: float) -> Tensor:
    """(count, 4) boxes with sides in [low, high], partly beyond the right and lower edge of the canvas."""
    side = low + torch.rand(count, 2, generator=generator) ** 2 * (high - low)
    corner = torch.rand(count, 2, generator=generator) * torch.tensor([WIDTH - 8.0, HEIGHT - 8.0])
    corner, side = (corner * 4).round() / 4, ((side * 4).round() / 4).clamp(min=0.25)
    return torch.cat((corner, corner + side), 1)


def boxes_of(kind: str, generator: torch.Generator, images: int) -> list[list[list[float]]]:
    """Boxes per image, as nested lists."""
    if kind == "one":
        return [[[30.25, 20.5, 71.0, 80.75]]]
    if kind == "identical":
        twin = [40.0, 24.0, 104.0, 88.0]
        half = [32.0, 64.0, 96.0, 96.0]  # IoU of exactly 0.5 with an anchor that is not its best
        edge = [64.0 - 1 / 128, 40.0, 80.0, 88.0]  # a centre inside by less than ATSS's margin
        return [[twin] * 4, [[16.0, 16.0, 48.0, 32.0], twin, twin, half], [edge]]
    if kind == "nested":
        sides = [(-16.0, 200.0), (8.0, 120.0), (20.0, 96.0), (44.0, 64.0), (56.0, 72.0), (60.0, 68.0)]
        return [[[a, a, b, b] for a, b in sides]]
    if kind == "tiny":
        return [lattice(generator, 12, 0.25, 7.75).tolist() for _ in range(images)]
    if kind == "outside":  # between the locations of offset 0, of offset 0.5, of both, beyond every anchor
        strip, other = [17.25, 3.0, 22.75, 100.0], [20.25, 20.5, 27.75, 90.0]
        lone, far = [69.0, 69.0, 75.0, 75.0], [1720.0, 1720.0, 1740.0, 1744.0]
        return [[strip, other, [30.0, 30.0, 90.0, 100.0], far, lone], [far, [20.5, 20.5, 23.5, 23.5]], []]
    if kind == "random":
        counts = torch.randint(1, 9, (images - 1,), generator=generator).tolist()
        return [lattice(generator, n, 6, 110).tolist() for n in counts] + [[]]
    if kind == "many":
        return [lattice(generator, 500, 4, 90).tolist()]
    return [[] for _ in range(images)]


def scene(seed: int, kind: str, grid: Grid, spec: HeadSpec, classes: int = 3, images: int = 3) -> tuple[Objects, Raw]:
    """Objects, and the raw outputs of a head whose boxes lie near the objects."""
    generator = torch.Generator().manual_seed(seed)
    boxes = boxes_of(kind, generator, images)
    image = torch.tensor([b for b, of_image in enumerate(boxes) for _ in of_image], dtype=torch.int64)
    labels = torch.randint(classes, image.shape, generator=generator)
    if kind == "identical":
        labels[:3] = torch.tensor([0, 0, 1])  # the same class twice, and another
    crowds = {"none": 1, "random": 4, "nested": 1}.get(kind, 0)
    objects = Objects(
        boxes=torch.tensor([box for of_image in boxes for box in of_image], dtype=torch.float32).reshape(-1, 4),
        labels=labels, image=image, ignore=lattice(generator, crowds, 20, 90),
        ignore_image=torch.arange(crowds) % len(boxes), images=len(boxes),
    )  # fmt: skip
    return objects, outputs(generator, objects, grid, spec, classes)


def outputs(generator: torch.Generator, objects: Objects, grid: Grid, spec: HeadSpec, classes: int) -> Raw:
    """Random logits; priors that overlap an object predict it with noise, the others predict anything."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    total = grid.size * objects.images
    middle = {"ltrb": 2.0, "ltrb4": 0.5, "exp": 3.0, "delta": 0.0}[spec.coder]
    unit = 4 if spec.coder == "ltrb4" else 1
    deltas = normal(total, 4) * 0.5 / unit + middle
    for n in torch.randperm(len(objects.boxes), generator=generator).tolist():
        box, first = objects.boxes[n], int(objects.image[n]) * grid.size
        near = (iou(grid.boxes, box) > 0.15) | near_point(grid, box)
        near &= torch.rand(grid.size, generator=generator) < 0.7
        i = near.nonzero()[:, 0]
        deltas[first + i] = target(grid, i, box, spec) + normal(len(i), 4) * 0.4 / unit
    if spec.coder == "ltrb4":  # no box is flat: float32 has no digits left for its IoU
        deltas[:, 2:] = deltas[:, 2:].clamp(min=0.02)
    return Raw(normal(total, classes) - 1, deltas, normal(total), normal(total),
               normal(classes, 2) * 0.3, 1 + normal(classes, 2) * 0.15,
               location=normal(total) - 2, shape=normal(total, 2) * 0.5)  # fmt: skip


def near_point(grid: Grid, box: Tensor) -> Tensor:
    """(p,) bool: the centre is inside the box, and the stride is of its order."""
    inner = (grid.centers > box[:2]).all(1) & (grid.centers < box[2:]).all(1)
    return inner & (grid.stride * 16 > (box[2:] - box[:2]).max())


def target(grid: Grid, i: Tensor, box: Tensor, spec: HeadSpec) -> Tensor:
    """What the box branch should say at priors i."""
    if spec.coder == "delta":
        return encode(grid.boxes[i], box.expand(len(i), 4), spec.delta_weights).float()
    point = grid.centers[i]
    distance = torch.cat((point - box[:2], box[2:] - point), 1)
    if spec.coder == "exp":
        return distance.clamp(min=1).log()
    return distance / grid.stride[i, None] / (4 if spec.coder == "ltrb4" else 1)


def shuffled(objects: Objects, seed: int) -> tuple[Objects, Tensor]:
    """The same batch with the objects of each image in another order, and that order."""
    key = torch.rand(len(objects.image), generator=torch.Generator().manual_seed(seed)) + objects.image
    order = key.argsort()
    columns = {name: getattr(objects, name)[order] for name in ("boxes", "labels", "image")}
    return replace(objects, **columns), order


def two_by_two() -> Grid:
    """Four points, 8 px apart, as the only level; boxes of 16 px."""
    centers = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])
    boxes = torch.cat((centers - 8, centers + 8), 1)
    return Grid(boxes, centers, torch.full((4,), 8.0), (Level(0, 4, 8, 2, 2),), torch.tensor([[2.0, 2.0]]), 0.0)


def one_image(boxes: Tensor, labels: Tensor) -> Objects:
    """Boxes (n, 4) and labels (n,) of a batch of one image without crowds."""
    nothing = torch.zeros(0, dtype=torch.long)
    return Objects(
        boxes=boxes, labels=labels, image=torch.zeros_like(labels), ignore=torch.zeros(0, 4), ignore_image=nothing,
        images=1,
    )  # fmt: skip


def one_object(box: list[float]) -> Objects:
    """A box of class 0 in one image."""
    return one_image(torch.tensor([box]), torch.tensor([0]))


def loose_boxes(n: int, seed: int) -> Tensor:
    """(n, 4) boxes with sides of 4..94 px off the lattice, so that no two compare equal."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=generator) * torch.tensor([WIDTH - 40.0, HEIGHT - 40.0])
    return torch.cat((corner, corner + 4 + 90 * torch.rand(n, 2, generator=generator) ** 2), 1)


def loose_objects(n: int, seed: int, classes: int) -> Objects:
    """One image of loose boxes."""
    labels = torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))
    return one_image(loose_boxes(n, seed), labels)


def loose_predictions(spec: HeadSpec, images: int, classes: int, seed: int) -> DensePredictions:
    """Random outputs of a head, near no object."""
    grid = make_grid(spec, SIZES)
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    n = images * grid.size
    branches = {branch.name: draw(n, branch.channels) for branch in spec.branches}
    return DensePredictions(grid, images, spec, draw(n, classes), draw(n, 4) + spec.style.box_bias, branches)

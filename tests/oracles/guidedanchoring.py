"""Oracle of GuidedAnchoring: methods.md section 7, object after object in the order of falling area."""

from __future__ import annotations

import math
import struct

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from assigners.geometry import area, iou
from assigners.interface import Grid, Level, Objects
from tests.oracles.common import Raw, Result, crowd, encode, focal, smooth_l1

MASK = 2**64 - 1


def of_image(objects: Objects, image: int) -> list[int]:
    """Objects of an image, the largest first; equal areas by the numbers of the box, then by class."""
    rows = (objects.image == image).nonzero()[:, 0].tolist()
    sizes, boxes, labels = area(objects.boxes).tolist(), objects.boxes.tolist(), objects.labels.tolist()
    return sorted(rows, key=lambda n: (-sizes[n], boxes[n], labels[n]))


def by_iou(table: list[list[float]], positive: float, least: float) -> dict[int, int]:
    """Cell -> row of the table (objects, cells): the first best one from `positive` on, then each object's own best."""
    matched = {}
    for cell in range(len(table[0]) if table else 0):
        column = [row[cell] for row in table]
        if max(column) >= positive:
            matched[cell] = column.index(max(column))
    for k, row in enumerate(table):
        top = max(row)
        if top > 0 and top >= torch.tensor(least).item():
            matched |= {cell: k for cell, q in enumerate(row) if q == top}
    return matched


def nine(grid: Grid) -> Tensor:
    """(9, p, 4) the fixed anchors: base 4 strides, three scales by three ratios."""
    boxes = []
    for ratio in (0.5, 1.0, 2.0):
        for scale in (1.0, 2 ** (1 / 3), 2 ** (2 / 3)):
            root = torch.tensor(ratio).sqrt()
            half = torch.stack((4 * torch.tensor(scale) / root, 4 * torch.tensor(scale) * root))
            half = half * grid.stride[:, None] / 2
            boxes.append(torch.cat((grid.centers - half, grid.centers + half), 1))
    return torch.stack(boxes)


def guided(grid: Grid, images: int, shape: Tensor) -> Tensor:
    """(P, 2) -> (P, 4): squares of 4 strides, each side times exp of its number."""
    size = 4 * grid.stride.repeat(images)[:, None] * shape.clamp(math.log(1e-6), -math.log(1e-6)).exp()
    middle = grid.centers.repeat(images, 1)
    return torch.cat((middle - size / 2, middle + size / 2), 1)


def region(box: Tensor, share: float, level: Level) -> tuple[slice, slice]:
    """Rows and columns; both ends included, cut to 0 .. width and 0 .. height."""
    x1, y1, x2, y2 = box / level.stride
    r = (1 - share) / 2
    ends = []
    for low, high, size in ((y1, y2, level.height), (x1, x2, level.width)):
        first, last = ((1 - r) * low + r * high).round(), (r * low + (1 - r) * high).round()
        ends.append(slice(int(first.clamp(0, size)), int(last.clamp(0, size)) + 1))
    return ends[0], ends[1]


def paint(grid: Grid, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Targets and weights (p,) of the location branch."""
    target = [torch.zeros(v.height, v.width) for v in grid.levels]
    weight, beside = ([torch.full_like(t, -1) for t in target] for _ in range(2))
    for box in boxes:
        size = ((box[2] - box[0]) * (box[3] - box[1])).sqrt()
        at = int((size.log2() - torch.tensor(32.0).log2() + 0.5).floor().clamp(0, len(grid.levels) - 1))
        weight[at][region(box, 0.5, grid.levels[at])] = 0
        center = region(box, 0.2, grid.levels[at])
        target[at][center], weight[at][center] = 1, 1
        for other in {at - 1, at + 1} & set(range(len(grid.levels))):
            beside[other][region(box, 0.5, grid.levels[other])] = 1
    for w, b in zip(weight, beside, strict=True):
        w[(w < 0) & (b > 0)] = 0
        w[w < 0] = 0.1
    return tuple(torch.cat([x.flatten() for x in maps]) for maps in (target, weight))


def location_loss(grid: Grid, objects: Objects, logit: Tensor) -> Tensor:
    """Focal loss, alpha 0.25 and gamma 2, by weight / (cells / 200); scalar."""
    p = grid.size
    maps = [paint(grid, objects.boxes[of_image(objects, b)]) for b in range(objects.images)]
    target, weight = (torch.cat(columns).double() for columns in zip(*maps, strict=True))
    for i in crowd(grid, objects, set()):
        weight[i] *= target[i]
    log_p, log_q = logsigmoid(logit), logsigmoid(-logit)
    loss = -0.25 * target * log_q.exp() ** 2 * log_p - 0.75 * (1 - target) * log_p.exp() ** 2 * log_q
    return (weight * loss).sum() / (p * objects.images / 200)


def splitmix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def drawn(cells: list[int], boxes: list[list[float]], progress: float) -> list[int]:
    """The 128 cells of largest number, which follows from progress, boxes and cell; all where there are fewer."""
    of_image = 0
    for box in boxes:
        number = 0
        for value in box:
            (bits,) = struct.unpack("<i", struct.pack("<f", value + 0.0))
            number = splitmix((number + bits) & MASK)
        of_image += number
    (step,) = struct.unpack("<q", struct.pack("<d", progress))
    key = splitmix((of_image + step) & MASK)
    number = {i: splitmix((key + i * 0x9E3779B97F4A7C15) & MASK) & (2**63 - 1) for i in cells}
    return sorted(cells, key=lambda i: -number[i])[:128]


def bounded(grid: Grid, cells: list[int], size: Tensor, boxes: Tensor) -> Tensor:
    """The four terms of the cells (M,), through smooth L1 of beta 0.2, summed; scalar."""
    goal = boxes[:, 2:] - boxes[:, :2]
    shift = ((boxes[:, 2:] + boxes[:, :2]) / 2 - grid.centers[cells].double()).abs()
    moved = 1 - ((goal - 2 * shift) / (goal + 2 * shift + 1e-3)).clamp(min=0)
    sized = 1 - torch.minimum(goal / (size + 1e-3), size / (goal + 1e-3))
    return smooth_l1(torch.cat((moved, sized), 1), 0.2).sum()


def shape_loss(grid: Grid, objects: Objects, shape: Tensor, progress: float) -> Tensor:
    """Of the sampled positives, / all that are sampled: 256 cells an image, at most 128 of them positive; scalar."""
    approx, total, sampled = nine(grid), shape.sum() * 0, 0
    anchors = guided(grid, objects.images, shape)
    for image in range(objects.images):
        rows = of_image(objects, image)
        table = [iou(approx, objects.boxes[n]).amax(0) for n in rows]
        matched = by_iou([row.tolist() for row in table], 0.5, 0.4)
        best = torch.stack([*table, torch.zeros(grid.size)]).amax(0)
        negatives = sum(q < 0.4 and i not in matched for i, q in enumerate(best))
        cells = drawn(sorted(matched), objects.boxes[rows].tolist(), progress)
        sampled += len(cells) + min(negatives, 256 - len(cells))
        boxes = objects.boxes[[rows[matched[i]] for i in cells]].double()
        of_cells = anchors[[image * grid.size + i for i in cells]]
        total = total + bounded(grid, cells, of_cells[:, 2:] - of_cells[:, :2], boxes)
    return total / max(1, sampled)


def classes(grid: Grid, objects: Objects, shape: Tensor) -> tuple[dict[int, int], int]:
    """Prior of the batch -> object, by IoU with the guided anchors in float32; sum over images of max(1, positives)."""
    matched, total = {}, 0
    anchors = guided(grid, objects.images, shape.float()).view(objects.images, -1, 4)
    for image in range(objects.images):
        rows = of_image(objects, image)
        here = by_iou([iou(anchors[image], objects.boxes[n]).tolist() for n in rows], 0.5, 0.0)
        matched |= {image * grid.size + i: rows[k] for i, k in here.items()}
        total += max(1, len(here))
    return matched, total


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False, progress: float = 0.5) -> Result:
    """Four losses: class and box on the guided anchors, location and shape; the anchors carry no gradient."""
    with torch.no_grad():
        matched, total = classes(grid, objects, raw.shape)
        prior, gt = list(matched), list(matched.values())
        target = encode(guided(grid, objects.images, raw.shape)[prior], objects.boxes[gt], (1.0, 1.0, 1.0, 1.0))
    labels = objects.labels.tolist()
    ignore = crowd(grid, objects, set(matched))
    terms = {
        "cls": focal(raw, implicit, {i: labels[n] for i, n in matched.items()}, ignore) / total,
        "box": smooth_l1(raw.deltas[prior] - target, 0.04).sum() / total,
        "location": location_loss(grid, objects, raw.location),
        "shape": shape_loss(grid, objects, raw.shape, progress),
    }
    return Result(dict.fromkeys(matched.items(), (1.0, 0.0)), terms, ignore)

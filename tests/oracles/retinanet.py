"""Oracle of RetinaNet: methods.md section 2, with detectron2's rule for low-quality matches."""

from __future__ import annotations

import torch

from assigners.geometry import iou
from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, crowd, encode, focal, smooth_l1


def match(grid: Grid, objects: Objects) -> tuple[dict[int, int], set[int]]:
    """Prior -> object of the positives, and the ignored priors; IoU in float32, so that equality means equality."""
    matched, ignore = {}, set()
    for image in range(objects.images):
        of_image = (objects.image == image).nonzero()[:, 0].tolist()
        if not of_image:
            continue
        table = [iou(grid.boxes, objects.boxes[n]).tolist() for n in of_image]
        best_of_object = [max(row) for row in table]
        for i in range(grid.size):
            column = [row[i] for row in table]
            best = max(column)
            is_best = any(v > 0 and v == top for v, top in zip(column, best_of_object, strict=True))
            if best >= 0.5 or is_best:
                matched[image * grid.size + i] = of_image[column.index(best)]
            elif best >= torch.tensor(0.4).item():
                ignore.add(image * grid.size + i)
    return matched, ignore


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """Focal loss over the priors not ignored and smooth L1 (beta 0.1) on deltas, each / max(1, positives)."""
    matched, ignore = match(grid, objects)
    ignore |= crowd(grid, objects, set(matched))
    labels = objects.labels.tolist()
    total = max(1, len(matched))
    prior, gt = list(matched), list(matched.values())
    target = encode(grid.boxes[[i % grid.size for i in prior]], objects.boxes[gt], (1.0, 1.0, 1.0, 1.0))
    terms = {
        "cls": focal(raw, implicit, {i: labels[n] for i, n in matched.items()}, ignore) / total,
        "box": smooth_l1(raw.deltas[prior] - target, 0.1).sum() / total,
    }
    return Result(dict.fromkeys(matched.items(), (1.0, 0.0)), terms, ignore)

"""Oracle of the original FCOS: methods.md section 3; no centre sampling, exponential distances, -log IoU."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, contains, crowd, focal, overlaps
from tests.oracles.fcos import RANGES, centerness


def match(grid: Grid, objects: Objects) -> dict[int, int]:
    """Location -> object of least area, lowest index among equals."""
    matched, areas = {}, {}
    for n, (box, image) in enumerate(zip(objects.boxes.tolist(), objects.image.tolist(), strict=True)):
        areas[n] = (box[2] - box[0]) * (box[3] - box[1])
        for level, (low, high) in zip(grid.levels, RANGES, strict=True):
            for i in range(level.start, level.stop):
                x, y = grid.centers[i].tolist()
                if contains(box, x, y):
                    loc = image * grid.size + i
                    far = max(x - box[0], y - box[1], box[2] - x, box[3] - y)
                    if low <= far <= high and (loc not in matched or areas[n] < areas[matched[loc]]):
                        matched[loc] = n
    return matched


def decode(grid: Grid, images: int, raw: Tensor) -> Tensor:
    """exp(x) px from the location to each edge; (P, 4) -> (P, 4) px."""
    points = grid.centers.double().repeat(images, 1)
    return torch.cat((points - raw[:, :2].exp(), points + raw[:, 2:].exp()), 1)


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """The three terms of FCOS by their normalisers, each at least 1."""
    matched = match(grid, objects)
    ignore, labels = crowd(grid, objects, set(matched)), objects.labels.tolist()
    decoded, total = decode(grid, objects.images, raw.deltas), max(1, len(matched))
    box, quality, weights = raw.deltas.sum() * 0, raw.quality.sum() * 0, 0.0
    for loc, n in matched.items():
        goal = centerness(*grid.centers[loc % grid.size].tolist(), objects.boxes[n].tolist())
        box = box - goal * overlaps(decoded[loc], objects.boxes[n].double())[0].clamp(min=1e-6).log()
        goal_tensor = torch.tensor(goal, dtype=torch.float64)
        quality = quality + binary_cross_entropy_with_logits(raw.quality[loc], goal_tensor)
        weights += goal
    terms = {
        "cls": focal(raw, implicit, {loc: labels[n] for loc, n in matched.items()}, ignore) / total,
        "box": box / max(1.0, weights),
        "quality": quality / total,
    }
    return Result(dict.fromkeys(matched.items(), (1.0, 0.0)), terms, ignore)

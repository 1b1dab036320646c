"""Oracle of the improved FCOS: methods.md section 3. Also holds the loss it shares with ATSS (section 4)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, contains, crowd, decode_ltrb, focal, overlaps

RANGES = [(-1, 64), (64, 128), (128, 256), (256, 512), (512, math.inf)]  # px, both ends inclusive


def centerness(x: float, y: float, box: list[float]) -> float:
    """sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b))"""
    left, top, right, bottom = x - box[0], y - box[1], box[2] - x, box[3] - y
    return math.sqrt(min(left, right) / max(left, right) * min(top, bottom) / max(top, bottom))


def center_box(box: list[float], stride: float) -> list[float]:
    """A square of radius 1.5 strides about the centre, clipped to the object."""
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    reach = 1.5 * stride
    return [max(box[0], cx - reach), max(box[1], cy - reach), min(box[2], cx + reach), min(box[3], cy + reach)]


def match(grid: Grid, objects: Objects) -> dict[int, int]:
    """Prior -> object, smallest area first, lowest index among equals."""
    matched, areas = {}, {}
    points = grid.centers.tolist()
    for n, (box, image) in enumerate(zip(objects.boxes.tolist(), objects.image.tolist(), strict=True)):
        areas[n] = (box[2] - box[0]) * (box[3] - box[1])
        for level, (low, high) in zip(grid.levels, RANGES, strict=True):
            core = center_box(box, level.stride)
            for i in range(level.start, level.stop):
                x, y = points[i]
                if not contains(core, x, y):
                    continue
                prior = image * grid.size + i
                far = max(x - box[0], y - box[1], box[2] - x, box[3] - y)
                if low <= far <= high and (prior not in matched or areas[n] < areas[matched[prior]]):
                    matched[prior] = n
    return matched


def losses(
    grid: Grid, objects: Objects, raw: Raw, implicit: bool, matched: dict[int, int], ignore: set[int], box_weight: float
) -> dict[str, Tensor]:
    """Focal and centre-ness BCE / positives; GIoU weighted by centre-ness / sum of centre-ness; each sum at least 1."""
    labels, boxes, points = objects.labels.tolist(), objects.boxes.tolist(), grid.centers.tolist()
    decoded = decode_ltrb(grid, objects.images, raw.deltas)
    box_sum, quality_sum, weight_sum = raw.deltas.sum() * 0, raw.quality.sum() * 0, 0.0
    for i, n in matched.items():
        target = centerness(*points[i % grid.size], boxes[n])
        giou = overlaps(decoded[i], torch.tensor(boxes[n], dtype=torch.float64))[1]
        box_sum = box_sum + target * (1 - giou)
        goal = torch.tensor(target, dtype=torch.float64)
        quality_sum = quality_sum + binary_cross_entropy_with_logits(raw.quality[i], goal)
        weight_sum += target
    total = max(1, len(matched))
    return {
        "cls": focal(raw, implicit, {i: labels[n] for i, n in matched.items()}, ignore) / total,
        "box": box_weight * box_sum / max(1.0, weight_sum),
        "quality": quality_sum / total,
    }


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """Weights of the three terms are 1."""
    matched = match(grid, objects)
    ignore = crowd(grid, objects, set(matched))
    terms = losses(grid, objects, raw, implicit, matched, ignore, 1.0)
    return Result(dict.fromkeys(matched.items(), (1.0, 0.0)), terms, ignore)

"""Oracle of ATSS: methods.md section 4, steps 1-6."""

from __future__ import annotations

from assigners.geometry import iou
from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, crowd
from tests.oracles.fcos import losses


def candidates(grid: Grid, box: list[float]) -> list[int]:
    """The nine nearest anchors of every level; equally near ones in the order of the grid."""
    cx, cy = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    points, nearest = grid.centers.tolist(), []
    for level in grid.levels:
        near = sorted(((points[i][0] - cx) ** 2 + (points[i][1] - cy) ** 2, i) for i in range(level.start, level.stop))
        nearest += [i for _, i in near[:9]]
    return nearest


def match(grid: Grid, objects: Objects) -> tuple[dict[int, int], set[tuple[int, int]]]:
    """Prior -> object of highest IoU (then lowest index), and the pairs at the threshold."""
    best, unsure = {}, set()
    points = grid.centers.tolist()
    for n, (box, image) in enumerate(zip(objects.boxes.tolist(), objects.image.tolist(), strict=True)):
        nearest = candidates(grid, box)
        values = iou(grid.boxes[nearest], objects.boxes[n])
        threshold = (values.mean() + values.std()).item()
        for i, value in zip(nearest, values.tolist(), strict=True):
            prior, (x, y) = image * grid.size + i, points[i]
            if min(x - box[0], y - box[1], box[2] - x, box[3] - y) <= 0.01:
                continue
            if abs(value - threshold) < 1e-6:
                unsure.add((prior, n))
            if value >= threshold and (prior not in best or value > best[prior][0]):
                best[prior] = (value, n)
    return {prior: n for prior, (_, n) in best.items()}, unsure


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """FCOS's three terms, with the box term twice."""
    matched, unsure = match(grid, objects)
    ignore = crowd(grid, objects, set(matched))
    terms = losses(grid, objects, raw, implicit, matched, ignore, 2.0)
    return Result(dict.fromkeys(matched.items(), (1.0, 0.0)), terms, ignore, unsure)

"""Oracle of FSAF: methods.md section 6, steps 1-6, with mmdet's two regions of 0.2."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from assigners.geometry import covered, scaled
from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, contains, crowd, log_probs, overlaps

CORE, SHADOW, TOUCH, IGNORE = 0.2, 0.2, 0.01, 0.5
CLOSE = 1e-6  # a decision with less of a margin than this may go either way


@dataclass
class Cells:
    """What the geometry says: the winner of each cell, and the pairs whose class is ignored there."""

    winner: dict[int, int] = field(default_factory=dict)  # location -> object
    shadowed: set[tuple[int, int]] = field(default_factory=set)  # (location, object)
    unsure: set[tuple[int, int]] = field(default_factory=set)


def shrunk(box: list[float], by: float) -> list[float]:
    """About the centre."""
    cx, cy, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
    return [cx - w / 2 * by, cy - h / 2 * by, cx + w / 2 * by, cy + h / 2 * by]


def touches(grid: Grid, i: int, objects: Objects, n: int, by: float) -> bool:
    """Step 2; a share of exactly 0.01 is decided in float32, so that equal means equal."""
    part = share(grid.boxes[i].tolist(), shrunk(objects.boxes[n].tolist(), by))
    if abs(part - TOUCH) < CLOSE:
        return bool(covered(grid.boxes[i], scaled(objects.boxes[n], by)) > TOUCH)
    return part > TOUCH


def share(cell: list[float], region: list[float]) -> float:
    """Of the cell's area that the region covers."""
    w = min(cell[2], region[2]) - max(cell[0], region[0])
    h = min(cell[3], region[3]) - max(cell[1], region[1])
    return max(w, 0) * max(h, 0) / ((cell[2] - cell[0]) * (cell[3] - cell[1]))


def area(objects: Objects, n: int) -> float:
    """In float32, so that equal means equal."""
    x1, y1, x2, y2 = objects.boxes[n]
    return ((x2 - x1) * (y2 - y1)).item()


def match(grid: Grid, objects: Objects) -> Cells:
    """Steps 1 to 4."""
    cells, effective = Cells(), {}
    for n, (box, image) in enumerate(zip(objects.boxes.tolist(), objects.image.tolist(), strict=True)):
        for i, (x, y) in enumerate(grid.centers.tolist()):
            if touches(grid, i, objects, n, CORE) and contains(box, x, y):
                effective.setdefault(image * grid.size + i, []).append(n)
            elif touches(grid, i, objects, n, SHADOW):
                cells.shadowed.add((image * grid.size + i, n))
    for loc, rivals in effective.items():
        rivals.sort(key=lambda n: (area(objects, n), -n))  # the later of equal ones first
        cells.winner[loc] = rivals[0]
        cells.shadowed |= {(loc, n) for n in rivals[1:]}
    for loc, n in cells.shadowed:
        if loc in cells.winner and objects.labels[n] == objects.labels[cells.winner[loc]]:
            cells.shadowed = cells.shadowed | {(loc, cells.winner.pop(loc))}
    return without(cells, middle_of_ignored(grid, objects))


def middle_of_ignored(grid: Grid, objects: Objects) -> set[int]:
    """Locations in the inner half of an ignore region."""
    inner = set()
    for box, image in zip(objects.ignore.tolist(), objects.ignore_image.tolist(), strict=True):
        half = shrunk(box, IGNORE)
        inner |= {image * grid.size + i for i, (x, y) in enumerate(grid.centers.tolist()) if contains(half, x, y)}
    return inner


def without(cells: Cells, taken: set[int]) -> Cells:
    """The cells that are not taken out."""
    winner = {loc: n for loc, n in cells.winner.items() if loc not in taken}
    return Cells(winner, {(loc, n) for loc, n in cells.shadowed if loc not in taken}, cells.unsure)


def decode(grid: Grid, images: int, raw: Tensor) -> Tensor:
    """TBLR: distances in four strides from the cell's centre, each at least 1e-4 of that; (P, 4) -> (P, 4) px."""
    points, stride = grid.centers.double().repeat(images, 1), grid.stride.double().repeat(images)[:, None]
    distance = raw.clamp(min=0).clamp(min=1e-4) * 4 * stride
    return torch.cat((points - distance[:, :2], points + distance[:, 2:]), 1)


def outputs_loss(raw: Raw, implicit: bool, target: dict[int, int], off: set[tuple[int, int]], ignore: set) -> Tensor:
    """Focal loss (alpha 0.25, gamma 2) of every output, (P, K); 0 at the outputs `off` and the locations `ignore`."""
    log_p, log_q = log_probs(raw, implicit)
    positive, keep = torch.zeros_like(log_p), torch.ones_like(log_p)
    for loc, label in target.items():
        positive[loc, label] = 1
    for loc, label in off:
        keep[loc, label] = 0
    for loc in ignore:
        keep[loc] = 0
    loss = -0.25 * positive * log_q.exp() ** 2 * log_p - 0.75 * (1 - positive) * log_p.exp() ** 2 * log_q
    return loss * keep


def level_index(grid: Grid, loc: int) -> int:
    return next(j for j, level in enumerate(grid.levels) if loc % grid.size < level.stop)


def choose(grid: Grid, winner: dict[int, int], cost: Tensor, unsure: set) -> dict[int, int]:
    """Step 5: object -> level of least mean cost (P,), the finest of equal ones."""
    levels = {}
    for n in set(winner.values()):
        means = {}
        for j in range(len(grid.levels)):
            own = [loc for loc, owner in winner.items() if owner == n and level_index(grid, loc) == j]
            if own:
                means[j] = cost[own].mean().item()
        levels[n] = min(means, key=lambda j: (means[j], j))
        best, *others = sorted(means.values())
        if others and others[0] - best < CLOSE:
            unsure |= {(loc, owner) for loc, owner in winner.items() if owner == n}
    return levels


def box_loss(decoded: Tensor, box: Tensor) -> Tensor:
    """-log of the IoU, not below 1e-6; (m, 4), (4,) or (m, 4) -> (m,)."""
    return -overlaps(decoded, box)[0].clamp(min=1e-6).log()


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """Both terms by the number of positives, or of negatives where there are none."""
    cells, labels = match(grid, objects), objects.labels.tolist()
    off = {(loc, labels[n]) for loc, n in cells.shadowed}
    ignore = crowd(grid, objects, set(cells.winner) | {loc for loc, _ in cells.shadowed})
    decoded = decode(grid, objects.images, raw.deltas)
    boxes = torch.zeros(len(decoded), dtype=torch.float64)
    for loc, n in cells.winner.items():
        boxes[loc] = box_loss(decoded[loc][None], objects.boxes[n].double())[0]
    label_of = {loc: labels[n] for loc, n in cells.winner.items()}
    cost = (outputs_loss(raw, implicit, label_of, off, ignore).sum(1) + boxes).detach()
    levels = choose(grid, cells.winner, cost, cells.unsure)
    kept = {loc: n for loc, n in cells.winner.items() if levels[n] == level_index(grid, loc)}
    off |= {(loc, label_of[loc]) for loc in set(cells.winner) - set(kept)}
    total = len(kept) or math.prod(raw.logits.shape[:1]) - len(ignore)
    pairs = dict.fromkeys(cells.shadowed | set(cells.winner.items()), (0.0, 0.0)) | dict.fromkeys(
        kept.items(), (1.0, 0.0)
    )
    terms = {
        "cls": outputs_loss(raw, implicit, {loc: label_of[loc] for loc in kept}, off, ignore).sum() / total,
        "box": (boxes[list(kept)].sum() + 0 * raw.deltas.sum()) / total,
    }
    return Result(pairs, terms, ignore, cells.unsure)

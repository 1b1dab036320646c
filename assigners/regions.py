"""Centre regions of objects on the pyramid, where GuidedAnchoring learns that there is an object. Section 3.1 there.

Follows mmdet `guided_anchor_head.py` and `prior_generators/utils.py` on objects in the order of falling area.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assigners.geometry import area
from assigners.interface import Grid, Objects
from assigners.pairs import Windows

FREE, BESIDE = -2, -1  # what a cell shows that no object has painted


@dataclass(frozen=True)
class Regions:
    """What the cells of a grid of one prior a cell show."""

    loc: Tensor  # (M,) cells of the centre regions
    center: Tensor  # (M,) bool: the cell shows that object, and no later one's ring
    free: Tensor  # (P,) bool: neither in a region nor beside one


def paint(grid: Grid, objects: Objects, center: float, ring: float) -> Regions:
    """center, ring: shares of an object's sides, each region around its middle. Later objects paint over earlier ones.

    On the object's own level the ring, then its centre; beside it, one level up and down, the ring under all others.
    """
    truth = objects.on_host
    level, levels = nearest_level(grid, truth.boxes)[:, None], torch.arange(len(grid.levels), device=truth.boxes.device)
    own, beside = level == levels, (level - levels).abs() == 1
    windows = [cells(grid, truth, at, share) for at, share in ((beside, ring), (own, ring), (own, center))]
    everyone = torch.arange(len(truth.boxes), device=truth.boxes.device)
    (loc, gt), (ring_loc, ring_gt), (center_loc, center_gt) = (w.pairs(everyone) for w in windows)
    # One number tells what a cell shows: the latest object, and of one object its centre before its ring.
    shown = torch.cat((torch.full_like(gt, BESIDE), 2 * ring_gt, 2 * center_gt + 1))
    state = shown.new_full((grid.size * objects.images,), FREE)
    state = state.scatter_reduce(0, torch.cat((loc, ring_loc, center_loc)), shown, "amax")
    return Regions(center_loc, state[center_loc] == 2 * center_gt + 1, state == FREE)


def nearest_level(grid: Grid, boxes: Tensor) -> Tensor:
    """(N,) the level whose square is nearest in size: floor(log2 sqrt(area) - log2(base) + 0.5), cut to the pyramid."""
    base = (grid.shapes[0, 0] * grid.levels[0].stride).to(boxes.device)
    level = (area(boxes).sqrt().log2() - base.log2() + 0.5).floor()
    return level.clamp(0, len(grid.levels) - 1).long()


def cells(grid: Grid, objects: Objects, at: Tensor, share: float) -> Windows:
    """The middle of each object, `share` of its sides, on the levels `at` (N, L); both ends of a rectangle count."""
    boxes, image = objects.boxes, objects.image
    columns = [(v.stride, v.start, v.width, v.height) for v in grid.levels]
    stride, start, width, height = torch.tensor(columns, device=boxes.device)[..., None].unbind(1)  # (L, 1)
    size = torch.cat((width, height), 1)  # (L, 2)
    scaled, r = boxes[:, None] / stride, (1 - share) / 2  # (N, L, 4), cells
    low, high = scaled[..., :2], scaled[..., 2:]
    # To the nearest whole cell, half to even; beyond the right or lower border there is none.
    first = torch.minimum(((1 - r) * low + r * high).round().clamp(min=0).long(), size)
    last = torch.minimum((r * low + (1 - r) * high).round().clamp(min=0).long(), size - 1)
    extent = (last + 1 - first).clamp(min=0) * at[..., None]  # (N, L, 2)
    origin = (image * grid.size)[:, None, None] + start  # (N, L, 1)
    return Windows(*first.split(1, -1), *extent.split(1, -1), origin, width, 1, grid.boxes.device)

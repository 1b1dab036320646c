"""FCOS*: the locations near the centre of an object, on the level of its size; FCOS in its improved form.

Paper: Tian et al. 2019, arXiv 1904.01355.
Follows tianzhi0549/FCOS `fcos_core/modeling/rpn/fcos/loss.py` with its later options: centre sampling, GIoU,
targets in strides, centre-ness on the box branch. Its "+1" in the IoU is left out (cvpods leaves it out, too), and
of two objects of one area the first wins, exactly, where others pack areas into floats. The normaliser of the box term
is at least 1, as in cvpods; AdelaiDet's is at least 1e-6, and tianzhi0549/FCOS has no least value.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

import torch

from assigners.assigner import Assigner
from assigners.geometry import area, center, centerness, ltrb
from assigners.interface import QUALITY, Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.losses.point import PointLoss
from assigners.pairs import best_per_location, pack_least, within
from assigners.ranges import Items, Range

Reach = Annotated[float, Range(0, inf, "pixels", "()")]
Reaches = Annotated[tuple[Reach, Reach, Reach, Reach], Items(rising=True)]


@dataclass(eq=False)
class FCOS(Assigner):
    radius: Annotated[float, Range(0, inf, "strides", "()")] = 1.5  # of the centre box; FCOS `CENTER_SAMPLING_RADIUS`
    ranges: Reaches = (64.0, 128.0, 256.0, 512.0)  # of max(ltrb) between the five levels; paper, section 3.2
    loss: PointLoss = PointLoss(box_kind="giou")

    @property
    def head(self) -> HeadSpec:
        return HeadSpec(branches=(QUALITY,), style=HeadStyle(offset=0.5, p6_from="p5", score="sqrt"))

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        return by_size(grid, objects, *self._central(grid, objects), self.ranges)

    def _central(self, grid: Grid, objects: Objects) -> tuple[torch.Tensor, torch.Tensor]:
        """The pairs inside the object's centre box, clipped to the object: loc (M,), gt (M,)."""
        boxes = objects.on_host.boxes[:, None]
        half = self.radius * torch.tensor([[level.stride] for level in grid.levels], device=boxes.device)
        middle = center(boxes)
        low = torch.maximum(middle - half, boxes[..., :2])  # (N, L, 2)
        high = torch.minimum(middle + half, boxes[..., 2:])
        return within(grid, torch.cat((low, high), -1), objects.on_host.image)


def by_size(grid: Grid, objects: Objects, loc: torch.Tensor, gt: torch.Tensor, ranges: Reaches) -> Assignment:
    """Of the pairs loc (M,), gt (M,) those whose level takes the object's size; on each location the smallest object.

    The box term weighs by centre-ness.
    """
    prior, boxes = loc % grid.size, objects.boxes[gt]
    distances = ltrb(grid.centers[prior], boxes)
    reach = distances.amax(-1)
    low, high = _limits(grid, ranges)
    fits = (reach >= low[prior]) & (reach <= high[prior])  # both ends count, as in the authors' code
    smallest = pack_least(area(boxes), gt)
    pos = best_per_location(loc, smallest, fits, grid.size * objects.images).float()
    quality = centerness(distances)
    total = pos.sum()
    return Assignment(
        loc=loc, gt=gt, pos=pos, neg=1 - pos, z_pos=total, z_neg=total, box=pos * quality, quality=quality
    )


def _limits(grid: Grid, ranges: Reaches) -> tuple[torch.Tensor, torch.Tensor]:
    """(p,) least and largest max(ltrb) that a prior's level takes, pixels."""
    edges = torch.tensor((-1.0, *ranges, torch.inf)).to(grid.stride.device, non_blocking=True)
    level = (grid.stride / grid.levels[0].stride).log2().long()
    return edges[level], edges[level + 1]

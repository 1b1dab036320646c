"""FSAF: cells about the centre of an object, on the level where they learn it most easily.

Paper: Zhu et al. 2019, arXiv 1903.00621.
Follows mmdet `dense_heads/fsaf_head.py` and `assigners/center_region_assigner.py`: the anchor-free branch alone,
published with AP 37.4. The paper's own has a shadow of 0.5 and centres offset by half a stride, and reports 35.9; a
branch of anchors beside it, 37.2. Three differences, all deliberate: the normaliser is a mean over the processes, not
local; a cell in an ignore region that no object lists is left out as for every method here, not in the inner half
alone; and the least distance of a box holds at test, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from assigners.assigner import Assigner, crowd
from assigners.costs import class_cost, ignored_cost
from assigners.geometry import area, covered, ltrb, scaled
from assigners.interface import Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.levels import easiest, level_of
from assigners.losses.point import PointLoss
from assigners.losses.terms import unless_none
from assigners.pairs import LOW_32, best_per_location, inside, overlapping, pack_least
from assigners.ranges import Range

Scale = Annotated[float, Range(0, 1, "of a side", "(]")]


@dataclass(eq=False)
class FSAF(Assigner):
    core: Scale = 0.2  # of an object, whose cells are positive; mmdet `pos_scale`
    shadow: Scale = 0.2  # of an object, whose other cells ignore its class; mmdet `neg_scale`, 0.5 in the paper
    touch: Annotated[float, Range(0, 1, "of a cell's area", "[)")] = 0.01  # that a region covers; mmdet `min_pos_iof`
    ignore_core: Scale = 0.5  # of an ignore region, whose cells are no object's; mmdet `ignore_gt_scale`
    loss: PointLoss = PointLoss(box_kind="log_iou")

    @property
    def head(self) -> HeadSpec:
        return HeadSpec(base=1.0, coder="ltrb4", style=HeadStyle(norm="none", box_bias=1.0, nms_iou=0.5))

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        loc, gt, effective = self._cells(grid, objects)
        boxes, cls = objects.boxes[gt], objects.labels[gt]
        # Of several objects the smallest wins, of equal ones the last, for which indices run backwards.
        smallest = pack_least(area(boxes), LOW_32 - gt)
        best = best_per_location(loc, smallest, effective, grid.size * objects.images)
        # Where another object of its class lies over it or shades it, nobody wins.
        class_of = cls.new_full((grid.size * objects.images,), -1).scatter_reduce(
            0, loc, cls.masked_fill(~best, -1), "amax"
        )
        shaded = ~best & (cls == class_of[loc])
        lost = torch.zeros_like(class_of).scatter_reduce(0, loc, shaded.long(), "amax").bool()
        winner = best & ~lost[loc]
        cost = class_cost(preds, loc, cls, self.loss.alpha, self.loss.gamma)
        cost -= ignored_cost(preds, loc, cls, ~winner, self.loss.alpha, self.loss.gamma)
        cost += self.loss.box_weight * preds.box_loss(loc, boxes, self.loss.box_kind, self.loss.box_beta)
        chosen = easiest(grid, loc, gt, cost, winner, len(objects.boxes))
        pos = (winner & (level_of(grid, loc) == chosen[gt])).float()
        total = pos.sum()
        negatives = (~crowd(grid, objects, loc)).sum()
        return Assignment(
            loc=loc, gt=gt, pos=pos, neg=torch.zeros_like(pos), z_pos=total, z_neg=unless_none(total, negatives)
        )

    def _cells(self, grid: Grid, objects: Objects) -> tuple[Tensor, Tensor, Tensor]:
        """The pairs of an effective or shaded cell and its object: loc (M,), gt (M,), effective (M,) bool."""
        truth = objects.on_host
        reach = scaled(truth.boxes, max(self.core, self.shadow))
        loc, gt = overlapping(grid, reach, truth.image).pairs(torch.arange(len(reach)))
        prior, boxes = loc % grid.size, objects.boxes[gt]
        centred = ltrb(grid.centers[prior], boxes).amin(-1) > 0
        cells = grid.boxes[prior]
        effective = centred & (covered(cells, scaled(boxes, self.core)) > self.touch)
        shaded = covered(cells, scaled(boxes, self.shadow)) > self.touch
        # What lies in the middle of an ignore region is neither positive nor negative.
        taken, _ = inside(grid, scaled(truth.ignore, self.ignore_core), truth.ignore_image)
        free = torch.ones(grid.size * objects.images, dtype=torch.bool, device=loc.device).index_fill(0, taken, False)
        listed = ((effective | shaded) & free[loc]).nonzero().squeeze(1)
        return loc[listed], gt[listed], effective[listed]

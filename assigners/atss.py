"""ATSS: a threshold of IoU for each object, from the mean and spread of its nearest priors.

Paper: Zhang et al. 2020, arXiv 1912.02424.
Follows sfzhang15/ATSS `atss_core/modeling/rpn/atss/loss.py`, with the boxes as distances in strides (its POINT mode,
as cvpods). Where a level has fewer than k cells it gives them all. Two differences: priors are centred at i s, as in
cvpods and mmdetection, not at (i + 1/2) s; and the normaliser of the box term is at least 1, as in cvpods' FCOS. The
box bias of 4 strides is that of the POINT mode; cvpods starts at 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

import torch

from assigners.assigner import Assigner
from assigners.geometry import centerness, iou, ltrb
from assigners.interface import QUALITY, Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.losses.point import PointLoss
from assigners.pairs import best_per_location, nearest_per_level, pack
from assigners.ranges import Range


@dataclass(eq=False)
class ATSS(Assigner):
    topk: Annotated[int, Range(1, 10000, "locations")] = 9  # nearest centres of each level; paper, section 4.2
    margin: Annotated[float, Range(0, inf, "pixels")] = 0.01  # of a centre to the edges of its object; authors' code
    loss: PointLoss = PointLoss(box_kind="giou", box_weight=2.0)

    @property
    def head(self) -> HeadSpec:
        return HeadSpec(branches=(QUALITY,), style=HeadStyle(box_bias=4.0, p6_from="p5", score="sqrt"))

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        loc = nearest_per_level(grid, objects.boxes, objects.image, self.topk)  # (N, C)
        prior = loc % grid.size
        boxes = objects.boxes[:, None].expand(*loc.shape, 4)
        q = iou(grid.boxes[prior], boxes)  # (N, C)
        distances = ltrb(grid.centers[prior], boxes)
        mean = q.mean(1, keepdim=True)
        threshold = mean + ((q - mean).square().sum(1, keepdim=True) / (q.shape[1] - 1)).sqrt()  # mean + std
        good = (q >= threshold) & (distances.amin(-1) > self.margin)
        gt = torch.arange(len(loc), device=loc.device)[:, None].expand_as(loc).flatten()
        key = pack(q.flatten(), gt)
        pos = best_per_location(loc.flatten(), key, good.flatten(), grid.size * objects.images).float()
        quality = centerness(distances).flatten()
        total = pos.sum()
        return Assignment(
            loc=loc.flatten(),
            gt=gt,
            pos=pos,
            neg=1 - pos,
            z_pos=total,
            z_neg=total,
            box=pos * quality,
            quality=quality,
        )

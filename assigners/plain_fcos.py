"""FCOS: every location in an object, on the level of its size; FCOS in its original form.

Paper: Tian et al. 2019, arXiv 1904.01355.
Follows tianzhi0549/FCOS `fcos_core/modeling/rpn/fcos/loss.py` without its later options: no centre sampling, distances
as exponentials in pixels, -log IoU, centre-ness on the class tower. Its "+1" in the IoU is left out, and the box term
has the normaliser of FCOS*. So an IoU below 1e-6 counts as that and gives no gradient, where the "+1" always gives one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from assigners.assigner import Assigner
from assigners.fcos import Reaches, by_size
from assigners.interface import QUALITY, Assignment, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.losses.point import PointLoss
from assigners.pairs import inside


@dataclass(eq=False)
class PlainFCOS(Assigner):
    ranges: Reaches = (64.0, 128.0, 256.0, 512.0)  # of max(ltrb) between the five levels; paper, section 3.2
    loss: PointLoss = PointLoss(box_kind="log_iou")

    @property
    def head(self) -> HeadSpec:
        branches = (replace(QUALITY, tower="class"),)
        return HeadSpec(coder="exp", branches=branches, style=HeadStyle(offset=0.5, p6_from="p5", score="sqrt"))

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        truth = objects.on_host
        return by_size(grid, objects, *inside(grid, truth.boxes, truth.image), self.ranges)

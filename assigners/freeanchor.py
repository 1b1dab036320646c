"""FreeAnchor: learning to match anchors, as a maximum-likelihood bag.

Paper: Zhang et al. 2019, arXiv 1909.02466.
Follows zhangxiaosong18/FreeAnchor `free_anchor_loss.py`. Four differences: an anchor that does not touch an object
never enters its bag (there, it fills up bags of fewer than 50); the normalisers are means over the processes, not
local; P6 comes from C5, as in cvpods and mmdetection, not from P5; and anchors are centred at i s with exact ratios,
as in the same two, not at i s + (s - 1) / 2 with sides in whole pixels at the base.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Annotated

import torch
from torch import Tensor

from assigners.assigner import Assigner
from assigners.bags import largest
from assigners.buckets import Runs, near
from assigners.geometry import iou
from assigners.interface import Assignment, BoxKind, Grid, HeadSpec, Objects, Predictions
from assigners.losses.bag import BagLoss
from assigners.pairs import overlapping, pack, read, segment_max, segment_softmax, unpack
from assigners.ranges import Range
from assigners.retinanet import HEAD


@dataclass(eq=False)
class FreeAnchor(Assigner):
    bag: Annotated[int, Range(1, 10000, "anchors")] = 50  # anchors of largest IoU an object; `PRE_ANCHOR_TOPK`
    box_iou: Annotated[float, Range(0, 1, "IoU", "()")] = 0.6  # t1, from which a predicted box speaks; `BBOX_THRESHOLD`
    box_weight: Annotated[float, Range(0, inf, "weight")] = 0.75  # beta of the paper; `BBOX_REG_WEIGHT`
    box_kind: BoxKind = "smooth_l1"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.11  # of smooth_l1; `BBOX_REG_BETA`
    block: Annotated[int, Range(1, 2**31, "pairs")] = 2**18  # at a time; memory, not results
    loss: BagLoss = BagLoss(alpha=0.5)

    @property
    def head(self) -> HeadSpec:
        return replace(HEAD, delta_weights=(10.0, 10.0, 5.0, 5.0), style=replace(HEAD.style, prior_prob=0.02))

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        keys, owner = self._bags(grid, objects)
        runs = self._runs(preds, objects)
        filled = keys >> 32 > 0  # IoU above 0
        count, lengths = read(filled.sum(), runs.length)
        bagged = torch.nonzero_static(filled.flatten(), size=int(count)).squeeze(1)
        loc, gt = unpack(keys.flatten()[bagged])[1], owner.flatten()[bagged]
        log_cls, _ = preds.log_prob(loc, objects.labels[gt])
        distance = preds.box_loss(loc, objects.boxes[gt], self.box_kind, self.box_beta)
        p = (log_cls - self.box_weight * distance).exp()
        other, owner, speaks = self._speaking(objects, runs, lengths)
        none, n = torch.zeros_like(speaks), torch.full((), len(objects.boxes), device=loc.device)
        return Assignment(
            loc=torch.cat((loc, other)),
            gt=torch.cat((gt, owner)),
            pos=torch.cat((self._mean_max(p, gt, len(objects.boxes)), none)),
            neg=torch.cat((torch.ones_like(p), 1 - speaks)),
            joint=torch.cat((p, none)),
            z_pos=n,
            z_neg=self.bag * n,
        )

    def _mean_max(self, p: Tensor, gt: Tensor, n: int) -> Tensor:
        """Equation 5: weights in proportion to 1 / (1 - p); the clamp lets the gradient through, as the authors'."""
        rest = 1 - p
        rest = rest + (rest.clamp(min=1e-12) - rest).detach()
        return segment_softmax(-rest.log(), gt, n)

    @torch.no_grad()
    def _bags(self, grid: Grid, objects: Objects) -> tuple[Tensor, Tensor]:
        """The anchors of largest IoU of each object: packed (IoU, prior), objects, both (N, bag); ties: lowest prior.

        A key of IoU 0 is none.
        """
        keys = [objects.labels.new_zeros(0, self.bag)]
        candidates = overlapping(grid, objects.on_host.boxes, objects.on_host.image)
        blocks = candidates.blocks(self.block)
        for block in blocks:
            loc, gt = candidates.pairs(block)
            q = iou(grid.boxes[loc % grid.size], objects.boxes[gt])
            keys.append(largest(candidates.counts[block], pack(q, loc), self.bag))
        keys, owner = torch.cat(keys), torch.cat([objects.on_host.labels.new_zeros(0), *blocks])
        return keys, owner.to(keys.device, non_blocking=True)[:, None].expand_as(keys)

    @torch.no_grad()
    def _runs(self, preds: Predictions, objects: Objects) -> Runs:
        """The predicted boxes that could have IoU above t1 with an object, and some more.

        Their centre is within (1 - t1) / (2 t1) of the object's size from its centre.
        """
        truth = objects.on_host
        size = truth.boxes[:, 2:] - truth.boxes[:, :2]
        reach = size * (1 - self.box_iou) / (2 * self.box_iou) + 1
        return near(preds.boxes(), preds.images, truth.boxes, truth.image, reach)

    @torch.no_grad()
    def _speaking(self, objects: Objects, runs: Runs, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs whose predicted box has IoU above t1 with the object: loc, gt and P(a in A+) of section 3.3.

        lengths: of the runs, on the host.
        """
        sizes = (lengths.cumsum(0) // self.block).unique_consecutive(return_counts=True)[1].tolist()
        speaks = [objects.labels.new_zeros(0).bool()]
        for block, length in zip(runs.split(sizes), lengths.split(sizes), strict=True):
            loc, gt = block.pairs(int(length.sum()))
            speaks.append(iou(runs.boxes[loc], objects.boxes[gt]) > self.box_iou)
        loc, gt = runs.pick(torch.cat(speaks).nonzero().squeeze(1))
        q = iou(runs.boxes[loc], objects.boxes[gt])
        best = segment_max(q, gt, len(objects.boxes))[gt]
        return loc, gt, ((q - self.box_iou) / (best - self.box_iou)).clamp(0, 1)

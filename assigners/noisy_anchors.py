"""Noisy Anchors: the anchors nearest to an object learn it as far as they already find it.

Paper: Li et al. 2020, arXiv 1912.05086.
Follows henrylee2570/NoisyAnchor `modeling/meta_arch/retinanet_noisy.py` and its recipes. Three differences: an anchor
that does not touch an object is never listed for it (there, such anchors fill up lists of fewer than 30); the moving
normaliser and the factors that keep the sums are those of all processes, not of each; and 1 - IoU and 1 - p are at
least 1e-6, the range of the cleanliness at least 1e-12, where the authors' code divides by 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from assigners.assigner import Assigner
from assigners.bags import largest
from assigners.costs import predicted_iou
from assigners.geometry import EPS, iou
from assigners.interface import Assignment, Grid, HeadSpec, Objects, Predictions
from assigners.losses.clean import CleanLoss
from assigners.losses.terms import processes, world_sum
from assigners.pairs import overlapping, pack, segment_max, segment_sum, unpack
from assigners.ranges import Range
from assigners.retinanet import HEAD

LEAST = 1e-6  # of 1 - IoU and 1 - p


@dataclass(eq=False)
class NoisyAnchors(Assigner):
    nearest: Annotated[int, Range(1, 10000, "anchors")] = 30  # of largest IoU an object; every recipe of the authors
    box_share: Annotated[float, Range(0, 1, "weight")] = 0.75  # of the IoU in cleanliness and weight; p has the rest
    momentum: Annotated[float, Range(0, 1, "share", "[)")] = 0.9  # of the moving number of positives
    first: Annotated[float, Range(0, 1e9, "anchors")] = 100.0  # it starts from, for the whole batch
    block: Annotated[int, Range(1, 2**31, "pairs")] = 2**18  # at a time; memory, not results
    loss: CleanLoss = CleanLoss()

    def __post_init__(self):
        self.register_buffer("positives", torch.tensor(self.first))  # moving, of the whole batch

    @property
    def head(self) -> HeadSpec:
        return HEAD

    @torch.no_grad()
    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        best, times = self._match(grid, objects)
        loc = times.nonzero().squeeze(1)
        gt = unpack(best[loc])[1]  # the object of the anchor's own largest IoU
        a = predicted_iou(preds, objects, loc, gt).double()
        log_p, log_q = preds.log_prob(loc, objects.labels[gt])
        image, count = loc // grid.size, times[loc].double()
        c = self._shared(a, log_p.double().exp(), image, count, objects.images)
        low, high = -segment_max(-c, image, objects.images), segment_max(c, image, objects.images)
        m = _mean(a, image, count, objects.images)[image]
        t = m + (1 - m) * (c - low[image]) / (high - low)[image].clamp(min=EPS)
        u, v = 1 / (1 - a).clamp(min=LEAST), 1 / log_q.double().exp().clamp(min=LEAST)
        r = self._shared(u, v, image, count, objects.images)
        moved = self.momentum * self.positives + (1 - self.momentum) * world_sum(times.count_nonzero())[0]
        z, t = moved / processes(), t.float()
        return Assignment(loc=loc, gt=gt, pos=r.float(), neg=1 - t, target=t, z_pos=z, z_neg=z)

    @torch.no_grad()
    def remember(self, assignment: Assignment) -> None:
        """The moving number of positives, this batch included."""
        self.positives.copy_(assignment.z_pos * processes())

    def _shared(self, of_box: Tensor, of_class: Tensor, image: Tensor, count: Tensor, images: int) -> Tensor:
        """(M,) a weighted sum of both, each divided by its mean over the image."""
        box, cls = (x / _mean(x, image, count, images).clamp(min=EPS)[image] for x in (of_box, of_class))
        return self.box_share * box + (1 - self.box_share) * cls

    def _match(self, grid: Grid, objects: Objects) -> tuple[Tensor, Tensor]:
        """(P,) packed best IoU and object of each anchor; (P,) how many objects list it."""
        best = objects.labels.new_zeros(grid.size * objects.images)
        times = torch.zeros_like(best)
        candidates = overlapping(grid, objects.on_host.boxes, objects.on_host.image)
        for block in candidates.blocks(self.block):
            loc, gt = candidates.pairs(block)
            q = iou(grid.boxes[loc % grid.size], objects.boxes[gt])
            best.scatter_reduce_(0, loc, pack(q, gt), "amax")
            key = largest(candidates.counts[block], pack(q, loc), self.nearest).flatten()
            listed = key >> 32 > 0  # IoU above 0
            times.index_add_(0, unpack(key)[1].masked_fill(~listed, 0), listed.long())
        return best, times


def _mean(x: Tensor, image: Tensor, count: Tensor, images: int) -> Tensor:
    """(M,) -> (B,) over the anchors of an image, one as often as it is listed; 0 where there is none."""
    return segment_sum(x * count, image, images) / segment_sum(count, image, images).clamp(min=1)

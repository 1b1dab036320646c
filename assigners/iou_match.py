"""Priors to objects by IoU: above a threshold the best object; and each object's best priors, whatever theirs is.

Follows mmdet `max_iou_assigner.py` on objects in the order of falling area. One difference: an object that meets no
prior keeps none (there, every prior without overlap would become its).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from assigners.geometry import area, iou
from assigners.interface import Objects
from assigners.pairs import Windows, pack, segment_max, unpack


@dataclass(frozen=True)
class PriorMatches:
    """Of P cells of a batch."""

    iou: Tensor  # (P,) highest of the cell's priors with any object
    gt: Tensor  # (P,) object; N where the cell has none
    positive: Tensor  # (P,) bool


def by_falling_area(objects: Objects) -> tuple[Objects, Tensor]:
    """The same objects, the largest of each image first, and their indices (N,) before.

    Equal areas: by the numbers of the box, then by class. So what depends on an order no longer does on the file's.
    """
    truth = objects.on_host
    order = torch.arange(len(truth.boxes), device=truth.boxes.device)
    x1, y1, x2, y2 = truth.boxes.unbind(1)
    for key in (truth.labels, y2, x2, y1, x1, -area(truth.boxes), truth.image):  # the last one decides
        order = order[key[order].sort(stable=True).indices]
    there = order.to(objects.boxes.device, non_blocking=True)
    return replace(_taken(objects, there), host=_taken(truth, order)), there


def _taken(objects: Objects, order: Tensor) -> Objects:
    columns = {name: getattr(objects, name)[order] for name in ("boxes", "labels", "image")}
    return replace(objects, **columns)


def match(
    candidates: Windows, boxes: Tensor, objects: Objects, cells: int, positive: float, least: float, budget: int
) -> PriorMatches:
    """A cell is positive where one of its priors has IoU `positive` or more with an object, or an object's highest.

    candidates: every pair whose IoU counts; boxes: of their priors, for one image (p A, 4) or for all (P A, 4) px;
    cells: P. An object claims the cells of its highest IoU where that is at least `least`, the last object first. Of
    equal IoU the first object is the best. budget: pairs at a time.
    """
    n = len(objects.boxes)
    best = objects.labels.new_zeros(cells)
    claim = torch.full_like(best, -1)
    for block in candidates.blocks(budget):
        loc, gt = candidates.pairs(block)
        q = iou(boxes[loc % len(boxes)], objects.boxes[gt])
        cell = loc // candidates.per_cell
        best.scatter_reduce_(0, cell, pack(q, gt), "amax")
        largest = segment_max(q, gt, n)[gt]  # of the object: a block holds all its pairs
        highest = (q == largest) & (q > 0) & (q >= least)
        claim.scatter_reduce_(0, cell, gt.where(highest, -1), "amax")
    q, gt = unpack(best)
    taken = (q >= positive) | (claim >= 0)
    return PriorMatches(q, gt.where(claim < 0, claim).where(taken, n), taken)

"""GuidedAnchoring: one anchor a cell whose shape is learned, matched by IoU as RetinaNet's; also called GA-RetinaNet.

Paper: Wang et al. 2019, arXiv 1901.03278.
Follows mmdet `guided_anchor_head.py`, `ga_retina_head.py` and `ga_retinanet_r50_fpn_1x_coco.py`. Differences, all
deliberate: the location branch learns the centre as positive, as in the paper and mmdet 1.x (2.x and 3.x read it upside
down); objects paint and claim in the order of falling area, not of the file; an object that meets no anchor claims
none; cells in crowd regions are no background of the location branch; the normalisers are means over the processes; and
what is drawn of more than 128 positives follows from step and image alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import pad, smooth_l1_loss, softplus

from assigners.assigner import Assigner, crowd
from assigners.draws import draws
from assigners.errors import AssignerError
from assigners.geometry import center, iou, prior_shapes
from assigners.interface import Assignment, Branch, Grid, HeadSpec, HeadStyle, Objects, Predictions
from assigners.iou_match import PriorMatches, by_falling_area, match
from assigners.losses.focal import negative_sum
from assigners.losses.point import PointLoss
from assigners.losses.terms import world_mean
from assigners.pairs import nearest_per_level, overlapping, windows
from assigners.ranges import Range
from assigners.regions import paint
from assigners.retinanet import HEAD as RETINANET

EPS = 1e-3  # px, of the bounded IoU; authors' code
ALPHA, GAMMA = 0.25, 2.0  # focal loss of the location branch; authors' code
CELLS = 200  # that share the normaliser of the location branch; authors' code
NEAREST = 4  # priors of each level whose IoU says how far to look for better ones; speed, not results
FAR = 2.0**20  # px, beyond every image
LOCATION = Branch("location", tower="class", kernel=1, bias=-log(99), least=0.01)  # `loc_filter_thr`
SHAPE = Branch("shape", channels=2, tower="box", kernel=1, prior=True)

Iou = Annotated[float, Range(0, 1, "IoU", "(]")]
Share = Annotated[float, Range(0, 1, "of the sides")]


@dataclass(eq=False)
class GuidedAnchoring(Assigner):
    positive_iou: Iou = 0.5  # of a guided anchor, for class and box
    shape_positive_iou: Iou = 0.5  # of the best of nine fixed anchors, for the shape; `ga_assigner`
    shape_negative_iou: Iou = 0.4  # below it a cell is negative; an object claims its best cells from it on
    samples: Annotated[int, Range(1, 10**6, "cells")] = 256  # of an image, drawn for the shape; `ga_sampler`
    positives: Annotated[int, Range(1, 10**6, "cells")] = 128  # at most, of those
    center_ratio: Share = 0.2  # of the region that is a location; paper, sigma 1
    ignore_ratio: Share = 0.5  # of the ring around it that is neither; paper, sigma 2
    background_weight: Annotated[float, Range(0, inf, "weight")] = 0.1  # of cells that are no location; authors' code
    location_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # lambda 1; paper
    shape_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # lambda 2; 0.1 in the paper, of another normaliser
    shape_beta: Annotated[float, Range(0, 1, "bounded IoU", "(]")] = 0.2  # where the square of the shape loss ends
    block: Annotated[int, Range(1, 2**31, "pairs")] = 2**18  # at a time; memory, not results
    loss: PointLoss = PointLoss(box_kind="smooth_l1", box_beta=0.04)

    def __post_init__(self):
        limits = (("shape_negative_iou", "shape_positive_iou"), ("center_ratio", "ignore_ratio"))
        for low, high in (*limits, ("positives", "samples")):
            least, most = getattr(self, low), getattr(self, high)
            if least > most:
                raise AssignerError(f"{low} is {least} and {high} {most}. Give {low} at most {high}.")

    @property
    def head(self) -> HeadSpec:
        style = HeadStyle(norm="none", nms_iou=0.5)
        return HeadSpec(base=4.0, coder="delta", branches=(LOCATION, SHAPE), variant="guided", style=style)

    def assign(self, grid: Grid, objects: Objects, preds: Predictions) -> Assignment:
        ordered, order = by_falling_area(objects)
        matched = self._match_guided(grid, ordered, preds)
        loc = matched.positive.nonzero().squeeze(1)
        ones = torch.ones_like(matched.iou[loc])
        total = matched.positive.view(objects.images, -1).sum(1).clamp(min=1).sum()  # an image without one counts one
        location, (shape, sampled) = self._location(grid, ordered, preds), self._shape(grid, ordered, preds)
        cells = torch.full_like(location, grid.size * objects.images)
        z_shape, z_location = world_mean(sampled, cells)
        return Assignment(
            loc=loc,
            gt=order[matched.gt[loc]],
            pos=ones,
            neg=torch.zeros_like(ones),
            z_pos=total,
            z_neg=total,
            z_box=total,
            extra={
                "location": self.location_weight * location * CELLS / z_location,
                "shape": self.shape_weight * shape / z_shape,
            },
        )

    @torch.no_grad()
    def _match_guided(self, grid: Grid, objects: Objects, preds: Predictions) -> PriorMatches:
        """Guided anchors to objects, by falling area. Anchors are tried that may reach the IoU of one near the object.

        IoU q leaves the centre within (1 - q) / (2 q) of the object's size from its centre, on either axis.
        """
        guided = preds.prior_boxes(torch.arange(grid.size * objects.images, device=grid.boxes.device))
        near = nearest_per_level(grid, objects.boxes, objects.image, NEAREST)  # (N, C)
        reached = iou(guided[near], objects.boxes[:, None]).amax(1).cpu()[:, None]  # one wait for the device
        q, truth = reached.clamp(1e-12, self.positive_iou), objects.on_host  # above the threshold all are wanted
        boxes = truth.boxes
        reach = ((1 - q) / (2 * q) * (boxes[:, 2:] - boxes[:, :2])).clamp(max=FAR) + 1  # px; 1 for rounding
        around = torch.cat((center(boxes) - reach, center(boxes) + reach), 1)[:, None]
        candidates = windows(grid, around, truth.image, torch.zeros_like(grid.shapes))
        return match(candidates, guided, objects, len(guided), self.positive_iou, 0.0, self.block)

    def _location(self, grid: Grid, objects: Objects, preds: Predictions) -> Tensor:
        """The focal loss of the location branch, summed; scalar."""
        logits = preds.branches["location"]  # (P, 1)
        regions = paint(grid, objects, self.center_ratio, self.ignore_ratio)
        background = (regions.free & ~crowd(grid, objects, regions.loc)).to(logits.dtype)
        at_center = logits.index_select(0, regions.loc).squeeze(1)
        surprise = (-at_center).sigmoid().pow(GAMMA) * softplus(-at_center)
        positive = ALPHA * (regions.center * surprise).sum()
        return positive + (1 - ALPHA) * self.background_weight * negative_sum(logits, None, background, GAMMA)

    def _shape(self, grid: Grid, objects: Objects, preds: Predictions) -> tuple[Tensor, Tensor]:
        """The bounded IoU of the sampled positives, summed, and how many cells are sampled; scalars."""
        loc, gt, drawn, sampled = self._sample(grid, objects, preds)
        boxes = pad(objects.boxes, (0, 0, 0, 1))[gt]  # N, of what is not drawn, is a box of zeros
        error = bounded_iou(grid.centers[loc % grid.size], preds.prior_sizes(loc), boxes)  # (M, 4)
        loss = smooth_l1_loss(error, torch.zeros_like(error), beta=self.shape_beta, reduction="none").sum(1)
        return (drawn * loss).sum(), sampled

    @torch.no_grad()
    def _sample(self, grid: Grid, objects: Objects, preds: Predictions) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Positives of the shape: cells and objects (M,), whether they are drawn (M,), and the size of all samples."""
        fixed = nine_priors(grid)
        candidates = overlapping(fixed, objects.on_host.boxes, objects.on_host.image)
        cells, low = grid.size * objects.images, self.shape_negative_iou
        matched = match(candidates, fixed.boxes, objects, cells, self.shape_positive_iou, low, self.block)
        positive = matched.positive.view(objects.images, -1)
        negatives = ((matched.iou < low) & ~matched.positive).view(objects.images, -1).sum(1)
        lots = draws(preds.progress, objects, grid.size).masked_fill(~positive, -1)
        highest = lots.topk(min(self.positives, grid.size), dim=1)  # (B, m)
        first = torch.arange(objects.images, device=lots.device)[:, None] * grid.size
        loc, drawn = (highest.indices + first).flatten(), highest.values >= 0
        count = drawn.sum(1)
        sampled = (count + torch.minimum(negatives, self.samples - count)).sum()
        return loc, matched.gt[loc], drawn.flatten(), sampled


def nine_priors(grid: Grid) -> Grid:
    """The grid of one prior a cell, with RetinaNet's nine anchors in the place of it."""
    shapes = prior_shapes(RETINANET.scales, RETINANET.ratios, RETINANET.base)  # (9, 2) strides
    half = shapes.to(grid.boxes.device, non_blocking=True) * grid.stride[:, None, None] / 2  # (p, 9, 2)
    middle, count = grid.centers[:, None].expand_as(half), len(shapes)
    return Grid(
        boxes=torch.cat((middle - half, middle + half), -1).flatten(0, 1),
        centers=middle.flatten(0, 1),
        stride=grid.stride.repeat_interleave(count),
        levels=tuple(replace(v, start=count * v.start, stop=count * v.stop) for v in grid.levels),
        shapes=shapes,
        offset=grid.offset,
    )


def bounded_iou(centers: Tensor, sizes: Tensor, boxes: Tensor) -> Tensor:
    """(M, 2), (M, 2), (M, 4) px -> (M, 4) in [0, 1]: what is lacking in x, y, width and height. Tychsen-Smith 2018."""
    size = boxes[:, 2:] - boxes[:, :2]
    shift = 2 * (center(boxes) - centers).abs()
    moved = 1 - ((size - shift) / (size + shift + EPS)).clamp(min=0)
    return torch.cat((moved, 1 - torch.minimum(size / (sizes + EPS), sizes / (size + EPS))), 1)

"""Detections of several views of the same images, brought together: multi-scale testing.

The sizes of a view's images are those before padding. All is compared in the frame of the first view, as in ATSS's
test; of one view that is not flipped, boxes stay as they are to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import torch
from torch import Tensor

from detector.detector import Detector
from detector.postprocess import Detected, Limits, best_of_each, select
from detector.voting import hard_vote, soft_vote


@dataclass(frozen=True)
class Merging:
    """How the boxes of all views become those of an image."""

    kind: str  # one of voting.MERGES; "": there is one view, and nothing to merge
    limits: Limits
    vote_iou: float  # of boxes that join, in a vote
    original: bool  # boxes are measured for the filter in pixels of the original image, not of the resized one


@dataclass(frozen=True)
class Seen:
    """One view of a batch, on its way through the detector."""

    images: Tensor  # (B, 3, H, W) uint8, padded
    sizes: Tensor  # (B, 2) height and width before padding
    scale: Tensor  # (B,) resized / original
    flipped: bool = False
    least: float = 0.0  # px: a box stays that has more area than this, squared
    most: float = 0.0  # px: and less than this, squared; 0: whatever. With both 0 no box is measured


def look(model: Detector, view: Seen, first: Tensor, merging: Merging) -> Detected:
    """The boxes of a view that pass its filter, in the frame of the first view, of sizes `first` (B, 2).

    They went through the whole test, or, for the selector of all views, through the part before NMS.
    """
    run = model.candidates if merging.kind == "selector" else model.detect
    out = run(view.images, view.sizes, merging.limits)
    return _in_frame(out.at(_fits(out, view, merging)), view, first)


def _fits(out: Detected, view: Seen, merging: Merging) -> Tensor:
    """(D,) bool"""
    if not (view.least or view.most):
        return torch.ones_like(out.scores, dtype=torch.bool)
    boxes = out.boxes / view.scale[out.image, None] if merging.original else out.boxes
    area = (boxes[:, 2:] - boxes[:, :2] + merging.limits.plus).prod(1)
    return (area > view.least**2) & (area < (view.most or inf) ** 2)


def _in_frame(out: Detected, view: Seen, first: Tensor) -> Detected:
    boxes = out.boxes
    if view.flipped:
        width = view.sizes[:, 1][out.image].to(boxes.dtype)
        boxes = torch.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), 1)
    ratio = (first.double() / view.sizes).flip(1).repeat(1, 2).to(boxes.dtype)  # (B, 4) of widths and heights
    return replace(out, boxes=boxes * ratio[out.image])


@torch.no_grad()
def merge(views: list[Detected], model: Detector, merging: Merging) -> Detected:
    """The detections of the images, best first, in the frame of the first view."""
    limits, classes = merging.limits, model.assigner.num_classes
    if not merging.kind:
        return views[0]
    every = Detected(*(torch.cat(column) for column in zip(*(vars(view).values() for view in views), strict=True)))
    if merging.kind == "selector":
        return select(every, classes, model.spec.style.nms_iou, limits)
    group = every.groups(classes)
    if merging.kind == "soft_vote":
        rows = soft_vote(every.boxes, every.scores, group, merging.vote_iou, limits.score_threshold, limits.plus)
    else:
        rows = hard_vote(every.boxes, every.scores, group, merging.vote_iou, limits.plus)
    boxes, scores, group = rows
    return best_of_each(Detected(group // classes, boxes, group % classes, scores), limits.detections)

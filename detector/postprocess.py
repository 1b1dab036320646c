"""From dense predictions to detections, without sorting all P x K scores.

Rank and threshold act on the final score, as in detectron2 and cvpods, for every method alike. Boxes are cut to their
image before NMS, as in mmdetection and the FCOS, ATSS and FreeAnchor repositories; cvpods cuts them after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from detector.predictions import DensePredictions
from detector.voting import score_voting


@dataclass(frozen=True)
class Limits:
    """The same for every method."""

    score_threshold: float = 0.05
    per_level: int = 1000  # candidates before NMS
    detections: int = 100  # of an image
    score_voting: bool = False  # coordinates become means over the boxes before NMS; PAA
    plus: float = 0.0  # px, added to sides in the IoU of votes


@dataclass(frozen=True)
class Detected:
    """D boxes of a batch, image by image, best first."""

    image: Tensor  # (D,) in [0, B)
    boxes: Tensor  # (D, 4) px, within the image
    labels: Tensor  # (D,)
    scores: Tensor  # (D,)

    def groups(self, classes: int) -> Tensor:
        """(D,) a number for each image and class."""
        return self.image * classes + self.labels

    def at(self, rows: Tensor) -> Detected:
        """Those of an index or a mask (D,), in its order."""
        return Detected(*(column[rows] for column in vars(self).values()))


@torch.no_grad()
def postprocess(preds: DensePredictions, sizes: Tensor, limits: Limits) -> Detected:
    """sizes (B, 2): height and width of each image before padding, pixels."""
    return select(candidates(preds, sizes, limits), preds.logits.shape[1], preds.spec.style.nms_iou, limits)


@torch.no_grad()
def candidates(preds: DensePredictions, sizes: Tensor, limits: Limits) -> Detected:
    """The boxes before NMS: the best of each level above the threshold, cut to their image; in no order."""
    factor = _prior_factor(preds)
    best = preds.logits.amax(1).sigmoid() * factor
    levels = [_candidates(preds, best, factor, level, limits) for level in preds.grid.levels]
    loc, labels, scores = (torch.cat(column) for column in zip(*levels, strict=True))
    if preds.spec.style.score == "sqrt":
        scores = scores.sqrt()
    keep = scores > limits.score_threshold
    loc, labels, scores = loc[keep], labels[keep], scores[keep]
    image = loc // preds.grid.size
    edge = sizes.flip(1).repeat(1, 2)[image].to(scores.dtype)  # width, height, width, height
    boxes = torch.minimum(preds.boxes_at(loc).clamp(min=0), edge)
    return Detected(image, boxes, labels, scores)


@torch.no_grad()
def select(boxes: Detected, classes: int, nms_iou: float, limits: Limits) -> Detected:
    """NMS by class, the best of each image, and score voting where the limits ask for it."""
    group = boxes.groups(classes)
    # It moves groups apart by up to millions of px, where float32 has steps of half a pixel.
    final = batched_nms(boxes.boxes.double(), boxes.scores.double(), group, nms_iou)
    out = boxes.at(final[_first_of_each(boxes.image[final], limits.detections)])
    if not limits.score_voting:
        return out
    voted = score_voting(out.boxes, out.groups(classes), boxes.boxes, boxes.scores, group, limits.plus)
    return replace(out, boxes=voted)


def best_of_each(boxes: Detected, count: int) -> Detected:
    """Of boxes that come best first, at most `count` an image, image by image."""
    return boxes.at(_first_of_each(boxes.image, count))


def _prior_factor(preds: DensePredictions) -> Tensor:
    """(P,) what multiplies every class probability of a prior."""
    factor = torch.ones_like(preds.logits[:, 0])
    for branch in preds.spec.branches:
        if branch.scores:
            factor = factor * preds.branches[branch.name].squeeze(1).sigmoid()
        if branch.least > 0:
            factor = factor * (preds.branches[branch.name].squeeze(1).sigmoid() >= branch.least)
    return factor


def _candidates(preds, best: Tensor, factor: Tensor, level, limits: Limits) -> tuple[Tensor, Tensor, Tensor]:
    """The highest (prior, class) of a level in each image: loc, labels, products; each (B * k,).

    The k highest pairs belong to the k priors whose best class is highest, so only those are looked into.
    """
    p, classes = preds.grid.size, preds.logits.shape[1]
    local = best.view(preds.images, p)[:, level.start : level.stop]
    rows = local.topk(min(limits.per_level, local.shape[1]), dim=1).indices + level.start
    loc = rows + torch.arange(preds.images, device=rows.device)[:, None] * p  # (B, k)
    table = (preds.logits[loc].sigmoid() * factor[loc][..., None]).flatten(1)  # (B, k K)
    scores, place = table.topk(min(limits.per_level, table.shape[1]), dim=1)
    return loc.gather(1, place // classes).flatten(), (place % classes).flatten(), scores.flatten()


def _first_of_each(image: Tensor, count: int) -> Tensor:
    """Positions of the first `count` entries of each image, image by image, in the order given."""
    sorted_image, order = image.sort(stable=True)
    first = torch.searchsorted(sorted_image, sorted_image)
    return order[torch.arange(len(order), device=order.device) - first < count]

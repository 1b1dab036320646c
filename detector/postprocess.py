"""From dense predictions to detections, without sorting all P x K scores.

Rank and threshold act on the final score, as in detectron2 and cvpods, for every method alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import batched_nms

from detector.predictions import DensePredictions


@dataclass(frozen=True)
class Limits:
    """The same for every method."""

    score_threshold: float = 0.05
    per_level: int = 1000  # candidates before NMS
    detections: int = 100  # of an image


@dataclass(frozen=True)
class Detected:
    """D boxes of a batch, image by image, best first."""

    image: Tensor  # (D,) in [0, B)
    boxes: Tensor  # (D, 4) px, within the image
    labels: Tensor  # (D,)
    scores: Tensor  # (D,)


@torch.no_grad()
def postprocess(preds: DensePredictions, sizes: Tensor, limits: Limits) -> Detected:
    """sizes (B, 2): height and width of each image before padding, pixels."""
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
    final = batched_nms(boxes, scores, image * preds.logits.shape[1] + labels, preds.spec.style.nms_iou)
    final = final[_first_of_each(image[final], limits.detections)]
    return Detected(image[final], boxes[final], labels[final], scores[final])


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

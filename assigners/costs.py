"""What a pair would cost, for methods that assign by prediction. No gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from assigners.geometry import iou
from assigners.interface import Objects, Predictions
from assigners.losses.terms import background, least_negative
from assigners.pairs import segment_sum

BLOCK = 2**20  # outputs at a time; memory, not results


@torch.no_grad()
def class_cost(preds: Predictions, loc: Tensor, cls: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """(M,) focal loss over all K classes of a prior whose only positive class is `cls`; loc, cls (M,).

    The background term of a prior is summed once, whatever number of pairs it is in, then corrected at the class.
    """
    rows, row_of = loc.unique(return_inverse=True)  # (U,), (M,)
    of_rows = [background(preds, block, gamma) for block in rows.split(max(1, BLOCK // preds.logits.shape[1]))]
    log_p, log_q = preds.log_prob(loc, cls)
    positive = alpha * (1 - log_p.exp()).pow(gamma) * -log_p
    negative = (gamma * log_p).exp() * -log_q
    return positive + (1 - alpha) * (torch.cat(of_rows)[row_of] - negative)


@torch.no_grad()
def ignored_cost(
    preds: Predictions, loc: Tensor, cls: Tensor, ignored: Tensor, alpha: float = 0.25, gamma: float = 2.0
) -> Tensor:
    """(M,) what `class_cost` counts at the prior of a pair for classes that an `ignored` (M,) pair takes out there."""
    least, first = least_negative(loc, cls, (~ignored).float(), preds.logits.shape[1])
    log_p, log_q = preds.log_prob(loc, cls)
    counted = (1 - alpha) * (gamma * log_p).exp() * -log_q
    return segment_sum(counted * (first & (least == 0)), loc, len(preds.logits))[loc]


@torch.no_grad()
def predicted_iou(preds: Predictions, objects: Objects, loc: Tensor, gt: Tensor) -> Tensor:
    """(M,) IoU of the boxes predicted at loc (M,) with the objects gt (M,)."""
    return iou(preds.boxes_at(loc), objects.boxes[gt])

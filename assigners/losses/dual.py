"""The loss of dual weighting: class and box are learned with one w+, background with w- from outside. Li et al. 2022.

Follows strongwolf/DW `dw_head.py`: no focal factor on the positives, weight 1 on the negatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

from torch import Tensor

from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.terms import box_sum, dense_negatives, least_negative, world_mean
from assigners.ranges import Range


@dataclass(frozen=True)
class DualLoss:
    """alpha sum w+ (-log p), the box term by w+, and sum w- p^gamma (-log(1 - p)) over all outputs."""

    alpha: Annotated[float, Range(0, 1, "weight")] = 0.25  # of the positive term
    gamma: Annotated[float, Range(0, inf, "exponent")] = 2.0  # of the background term
    box_kind: BoxKind = "giou"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.1  # of smooth_l1: where the square ends; 0: l1
    box_weight: Annotated[float, Range(0, inf, "weight")] = 1.25  # 0.25 of -log exp(-5 GIoU loss)

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        z_pos, z_neg = world_mean(a.z_pos, a.z_neg)
        log_p, log_q = preds.log_prob(a.loc, cls)
        positive = self.alpha * (a.pos * -log_p).sum()
        neg, pick = least_negative(a.loc, cls, a.neg, preds.logits.shape[1])
        correction = ((neg - 1) * pick * (self.gamma * log_p).exp() * -log_q).sum()
        negative = dense_negatives(preds, a.ignore, self.gamma) + correction
        box = box_sum(preds, objects, a, self.box_kind, self.box_beta)
        return {"pos": positive / z_pos, "neg": negative / z_neg, "box": self.box_weight * box / z_pos}

"""The sum of logs: every pair counts by itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

from torch import Tensor

from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.terms import FOCUS, box_sum, box_total, dense_negatives, least_negative, quality_term, world_mean
from assigners.ranges import Range


@dataclass(frozen=True)
class PointLoss:
    """Focal loss, box loss, and the loss of the quality branch if there is one.

    w- weighs the negative loss from outside: w- p^gamma (-log(1 - p)).
    """

    alpha: Annotated[float, Range(0, 1, "weight")] = 0.25  # focal loss, Lin et al. 2017
    gamma: Annotated[float, FOCUS] = 2.0  # focal loss
    box_kind: BoxKind = "giou"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.1  # of smooth_l1: where the square ends; 0: l1
    box_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the box term
    quality_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the quality branch

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        z_pos, z_neg, z_box = world_mean(a.z_pos, a.z_neg, box_total(a))
        log_p, log_q = preds.log_prob(a.loc, cls)
        positive = self.alpha * (a.pos * (1 - log_p.exp()).pow(self.gamma) * -log_p).sum()
        # Every output counts as background once; a listed pair has w- of that.
        neg, pick = least_negative(a.loc, cls, a.neg, preds.logits.shape[1])
        correction = ((neg - 1) * pick * (self.gamma * log_p).exp() * -log_q).sum()
        negative = (1 - self.alpha) * (dense_negatives(preds, a.ignore, self.gamma) + correction)
        box = box_sum(preds, objects, a, self.box_kind, self.box_beta)
        terms = {"cls": positive / z_pos + negative / z_neg, "box": self.box_weight * box / z_box}
        return terms | quality_term(preds, a, z_pos, self.quality_weight)

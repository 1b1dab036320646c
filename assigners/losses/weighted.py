"""The loss of soft anchor points: the weight of a location is that of all its outputs. Zhu et al. 2020, SAPD."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated

from torch import Tensor

from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.focal import negative_sum
from assigners.losses.terms import FOCUS, background, box_sum, world_mean
from assigners.pairs import segment_sum
from assigners.ranges import Range


@dataclass(frozen=True)
class WeightedLoss:
    """Focal and box loss, both by w+: a listed location has that weight in all classes, 0 takes it out.

    At most one pair of a location has a w+ above 0. A gradient through w+ is that of the losses it weighs.
    """

    alpha: Annotated[float, Range(0, 1, "weight")] = 0.25  # focal loss, Lin et al. 2017
    gamma: Annotated[float, FOCUS] = 2.0  # focal loss
    box_kind: BoxKind = "log_iou"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.1  # of smooth_l1: where the square ends; 0: l1
    box_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the box term

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        (z,) = world_mean(a.z_pos)
        log_p, log_q = preds.log_prob(a.loc, cls)
        positive = self.alpha * (a.pos * (1 - log_p.exp()).pow(self.gamma) * -log_p).sum()
        # Every output counts as background once, by its location's weight; the object's class does not.
        weight = segment_sum(a.pos.detach(), a.loc, len(a.ignore)) + self._free(a)
        dense = negative_sum(preds.logits, preds.implicit, weight, self.gamma)
        dense = dense + ((a.pos - a.pos.detach()) * background(preds, a.loc, self.gamma)).sum()  # its gradient by w+
        negative = (1 - self.alpha) * (dense - (a.pos * (self.gamma * log_p).exp() * -log_q).sum())
        box = box_sum(preds, objects, a, self.box_kind, self.box_beta)
        return {"cls": (positive + negative) / z, "box": self.box_weight * box / z}

    def _free(self, assignment: Assignment) -> Tensor:
        """(P,) 1 where no pair is listed and no class term is taken out."""
        return (~assignment.ignore.index_fill(0, assignment.loc, True)).to(assignment.pos.dtype)

"""The class loss of soft targets: quality focal, varifocal, matchability, binary cross-entropy.

One shape for all: a(t, p) BCE(p, t) at a listed pair of class target t, b p^g (-log(1 - p)) elsewhere.

    QFL   Li et al. 2020, GFL              focus "quality", background 1,    gamma 2
    VFL   Zhang et al. 2021, VFNet         focus "target",  background 0.75, gamma 2
    VFL   Zhao et al. 2024, RT-DETR        the same with detached
    MAL   Huang et al. 2025, DEIM          focus "one",     background 1,    gamma 1.5, detached
    BCE   Jocher et al. 2023, YOLOv8       focus "one",     background 1,    gamma 0
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

import torch
from torch import Tensor

from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.terms import FOCUS, box_sum, box_total, dense_negatives, least_negative, quality_term, world_mean
from assigners.ranges import Range


@dataclass(frozen=True)
class SoftLoss:
    """As PointLoss, with `target` (M,) of the assignment in the place of 1.

    w+ weighs the pair's class term, w- the background term of its output: 0 for a positive. The assignment's z_pos is
    the published normaliser: the positives, or the sum of the targets.
    """

    focus: Literal["quality", "target", "one"] = "quality"  # a(t, p): |t - p|^gamma, t, 1
    background: Annotated[float, Range(0, inf, "weight")] = 1.0  # b
    gamma: Annotated[float, FOCUS] = 2.0  # g
    detached: bool = False  # no gradient through the background's p^g
    box_kind: BoxKind = "giou"  # the box loss
    box_beta: Annotated[float, Range(0, inf, "box loss")] = 0.1  # of smooth_l1: where the square ends; 0: l1
    box_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the box term
    quality_weight: Annotated[float, Range(0, inf, "weight")] = 1.0  # of the quality branch

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        z_pos, z_neg, z_box = world_mean(a.z_pos, a.z_neg, box_total(a))
        log_p, log_q = preds.log_prob(a.loc, cls)
        target = torch.ones_like(a.pos) if a.target is None else a.target
        cross_entropy = -(target * log_p + (1 - target) * log_q)  # BCE(p, t)
        positive = (a.pos * self._focus(target, log_p.exp()) * cross_entropy).sum()
        neg, pick = least_negative(a.loc, cls, a.neg, preds.logits.shape[1])
        modulation = (self.gamma * (log_p.detach() if self.detached else log_p)).exp()  # p^g
        correction = ((neg - 1) * pick * modulation * -log_q).sum()
        negative = dense_negatives(preds, a.ignore, self.gamma, self.detached) + correction
        box = box_sum(preds, objects, a, self.box_kind, self.box_beta)
        terms = {"cls": positive / z_pos + self.background * negative / z_neg, "box": self.box_weight * box / z_box}
        return terms | quality_term(preds, a, z_pos, self.quality_weight)

    def _focus(self, target: Tensor, p: Tensor) -> Tensor:
        """(M,), (M,) -> a(t, p) (M,)."""
        if self.focus == "quality":
            return (target - p).abs().pow(self.gamma)
        return target if self.focus == "target" else torch.ones_like(target)

"""The log of a weighted sum: every object is one bag of priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from assigners.interface import Assignment, Objects, Predictions
from assigners.losses.terms import FOCUS, dense_negatives, least_negative, log_not, world_mean
from assigners.pairs import segment_sum
from assigners.ranges import Range


@dataclass(frozen=True)
class BagLoss:
    """-log sum w+ P for each object; the boxes learn through P alone.

    w- acts inside the probability, on focus and log alike: (w- p)^gamma (-log(1 - w- p)).
    """

    alpha: Annotated[float, Range(0, 1, "weight")]  # weight of the positive term; 1 - alpha of the negative one
    gamma: Annotated[float, FOCUS] = 2.0  # focal loss, Lin et al. 2017

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        z_pos, z_neg = world_mean(a.z_pos, a.z_neg)
        bag = segment_sum(a.pos * a.joint, a.gt, len(objects.boxes)).clamp(0, 1)  # rounding may pass 1
        # binary_cross_entropy aborts on NaN, on a GPU with the whole process; the loss must carry it to the caller.
        positive = binary_cross_entropy(bag.nan_to_num(), torch.ones_like(bag), reduction="sum") + 0 * bag.sum()
        # Every output counts as background once; a listed pair has (w- p) in the place of p.
        neg, pick = least_negative(a.loc, cls, a.neg, preds.logits.shape[1])
        log_p, log_q = preds.log_prob(a.loc, cls)
        weakened = (neg * log_p.exp()).pow(self.gamma) * -log_not(log_p, log_q, neg)
        correction = (pick * (weakened - (self.gamma * log_p).exp() * -log_q)).sum()
        negative = dense_negatives(preds, a.ignore, self.gamma) + correction
        return {"pos": self.alpha * positive / z_pos, "neg": (1 - self.alpha) * negative / z_neg}

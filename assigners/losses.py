"""The two losses of all methods: a sum of logs (PointLoss) and a log of a weighted sum (BagLoss).

Both count the negative class term over all P x K outputs once, then mend it at the listed pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits

from assigners.focal import negative_sum
from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.pairs import segment_sum


def world_mean(*sums: Tensor) -> tuple[Tensor, ...]:
    """Scalars -> their means over the processes, at least 1; one all-reduce. No gradient."""
    stacked = torch.stack([s.detach().float() for s in sums])
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(stacked)
        stacked = stacked / torch.distributed.get_world_size()
    return stacked.clamp(min=1).unbind()


def merged(loc: Tensor, cls: Tensor, neg: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """One w- for each (prior, class): the least of its pairs, whatever their order.

    Returns the merged w- and a mask that picks one pair of each group, both (M,).
    """
    key, order = (loc * classes + cls).sort(stable=True)
    fresh = torch.ones_like(key, dtype=torch.bool)
    fresh[1:] = key[1:] != key[:-1]
    group = fresh.cumsum(0) - 1
    least = torch.full_like(neg, torch.inf).scatter_reduce(0, group, neg[order], "amin")
    back = torch.empty_like(order).index_copy(0, order, torch.arange(len(order), device=order.device))
    return least[group][back], fresh[back]


def log_not(log_p: Tensor, log_q: Tensor, weight: Tensor) -> Tensor:
    """log(1 - w p) from log p and log(1 - p), w in [0, 1]; no cancellation near p = 1."""
    return torch.logaddexp(log_q, log_p + (1 - weight).log())


def dense_negatives(preds: Predictions, ignore: Tensor, gamma: float) -> Tensor:
    """The negative term of every output of every prior that is not ignored, as if no pair were listed."""
    objectness = preds.objectness if preds.implicit else None
    return negative_sum(preds.logits, objectness, (~ignore).to(preds.logits.dtype), gamma)


@dataclass(frozen=True)
class PointLoss:
    """Every pair counts by itself: focal loss, box loss, and the loss of the quality branch if there is one.

    w- weighs the negative loss from outside: w- p^gamma (-log(1 - p)).
    """

    alpha: float = 0.25  # focal loss, Lin et al. 2017
    gamma: float = 2.0
    box_kind: BoxKind = "giou"
    box_beta: float = 0.1  # of smooth_l1
    box_weight: float = 1.0
    quality_weight: float = 1.0

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        box_weight = a.pos if a.box is None else a.box
        z_pos, z_neg, z_box = world_mean(a.z_pos, a.z_neg, box_weight.sum())
        log_p, log_q = preds.log_prob(a.loc, cls)
        positive = self.alpha * (a.pos * (1 - log_p.exp()).pow(self.gamma) * -log_p).sum()
        neg, pick = merged(a.loc, cls, a.neg, preds.logits.shape[1])
        mended = ((neg - 1) * pick * (self.gamma * log_p).exp() * -log_q).sum()
        negative = (1 - self.alpha) * (dense_negatives(preds, a.ignore, self.gamma) + mended)
        box = (box_weight * preds.box_loss(a.loc, objects.boxes[a.gt], self.box_kind, self.box_beta)).sum()
        terms = {"cls": positive / z_pos + negative / z_neg, "box": self.box_weight * box / z_box}
        return terms | self._quality(preds, a, z_pos)

    def _quality(self, preds: Predictions, a: Assignment, z_pos: Tensor) -> dict[str, Tensor]:
        if a.quality is None:
            return {}
        logits = preds.quality.index_select(0, a.loc)
        error = binary_cross_entropy_with_logits(logits, a.quality, reduction="none")
        return {"quality": self.quality_weight * (a.pos * error).sum() / z_pos}


@dataclass(frozen=True)
class BagLoss:
    """Every object is one bag: -log sum w+ P; the boxes learn through P alone.

    w- acts inside the probability, on focus and log alike: (w- p)^gamma (-log(1 - w- p)).
    """

    alpha: float  # weight of the positive term; 1 - alpha of the negative one
    gamma: float = 2.0

    def __call__(self, preds: Predictions, objects: Objects, assignment: Assignment) -> dict[str, Tensor]:
        a, cls = assignment, objects.labels[assignment.gt]
        z_pos, z_neg = world_mean(a.z_pos, a.z_neg)
        bag = segment_sum(a.pos * a.joint, a.gt, len(objects.boxes)).clamp(0, 1)  # rounding may pass 1
        # binary_cross_entropy aborts on NaN, on a GPU with the whole process; the loss must carry it to the caller.
        positive = binary_cross_entropy(bag.nan_to_num(), torch.ones_like(bag), reduction="sum") + 0 * bag.sum()
        neg, pick = merged(a.loc, cls, a.neg, preds.logits.shape[1])
        log_p, log_q = preds.log_prob(a.loc, cls)
        weakened = (neg * log_p.exp()).pow(self.gamma) * -log_not(log_p, log_q, neg)
        mended = (pick * (weakened - (self.gamma * log_p).exp() * -log_q)).sum()
        negative = dense_negatives(preds, a.ignore, self.gamma) + mended
        return {"pos": self.alpha * positive / z_pos, "neg": (1 - self.alpha) * negative / z_neg}

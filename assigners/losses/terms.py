"""What the losses share: normalisers, the merged w-, stable logarithms, and the terms that more than one has.

All count the negative class term over all P x K outputs once, then correct it at the listed pairs.
"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from assigners.interface import Assignment, BoxKind, Objects, Predictions
from assigners.losses.focal import negative_rows, negative_sum
from assigners.ranges import Range

FOCUS = Range(1, inf, "exponent", zero="no focus")  # gamma; between, x^gamma has no finite slope at 0


def world_mean(*sums: Tensor) -> tuple[Tensor, ...]:
    """Scalars -> their means over the processes, the sums at least 1 as in one; one all-reduce. No gradient."""
    return (world_sum(*sums).clamp(min=1) / processes()).unbind()


def world_sum(*sums: Tensor) -> Tensor:
    """Scalars -> (n,) their sums over the processes; one all-reduce. No gradient."""
    stacked = torch.stack([s.detach().float() for s in sums])
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(stacked)
    return stacked


def processes() -> int:
    """How many train together."""
    initialized = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if initialized else 1


def unless_none(total: Tensor, other: Tensor) -> Tensor:
    """A normaliser: the scalar `total`, or `other` where it is 0 in every process; an all-reduce."""
    return torch.where(world_sum(total)[0] > 0, total, other.to(total.dtype))


def least_negative(loc: Tensor, cls: Tensor, neg: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """One w- for each (prior, class): the least of its pairs, whatever their order.

    Returns the merged w- and a mask that picks one pair of each group, both (M,).
    """
    key, order = (loc * classes + cls).sort(stable=True)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    group = first.cumsum(0) - 1
    least = torch.full_like(neg, torch.inf).scatter_reduce(0, group, neg[order], "amin")
    back = torch.empty_like(order).index_copy(0, order, torch.arange(len(order), device=order.device))
    return least[group][back], first[back]


def log_not(log_p: Tensor, log_q: Tensor, weight: Tensor) -> Tensor:
    """log(1 - w p) from log p and log(1 - p), w in [0, 1]; no cancellation near p = 1."""
    return torch.logaddexp(log_q, log_p + (1 - weight).log())


def dense_negatives(preds: Predictions, ignore: Tensor, gamma: float, detached: bool = False) -> Tensor:
    """The negative term of every output of every prior that is not ignored, as if no pair were listed."""
    return negative_sum(preds.logits, preds.implicit, (~ignore).to(preds.logits.dtype), gamma, detached)


@torch.no_grad()
def background(preds: Predictions, loc: Tensor, gamma: float) -> Tensor:
    """(M,) the negative term of all classes of each prior loc (M,)."""
    objectness = None if preds.implicit is None else preds.implicit[loc]
    return negative_rows(preds.logits[loc], objectness, gamma)


def box_weights(assignment: Assignment) -> Tensor:
    """(M,) of the box term."""
    return assignment.pos if assignment.box is None else assignment.box


def box_total(assignment: Assignment) -> Tensor:
    """The normaliser of the box term, before its mean over the processes; scalar."""
    return box_weights(assignment).sum() if assignment.z_box is None else assignment.z_box


def box_sum(preds: Predictions, objects: Objects, assignment: Assignment, kind: BoxKind, beta: float) -> Tensor:
    """The box term of all pairs before its normaliser; scalar."""
    a = assignment
    return (box_weights(a) * preds.box_loss(a.loc, objects.boxes[a.gt], kind, beta)).sum()


def quality_term(preds: Predictions, assignment: Assignment, z_pos: Tensor, weight: float) -> dict[str, Tensor]:
    """Binary cross-entropy of the quality branch, by w+; empty where the assignment has no target for it."""
    a = assignment
    if a.quality is None:
        return {}
    logits = preds.branches["quality"].index_select(0, a.loc).squeeze(1)
    error = binary_cross_entropy_with_logits(logits, a.quality, reduction="none")
    return {"quality": weight * (a.pos * error).sum() / z_pos}

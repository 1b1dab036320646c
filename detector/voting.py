"""Boxes that vote on each other: the soft and the hard vote over views, and score voting.

Zhang et al. 2020 (ATSS), `engine/bbox_aug_vote.py`; Kim and Lee 2020 (PAA), section 3.3 and `paa/inference.py`.
Groups keep boxes apart that may not meet: of another image or another class. `plus`: pixels added to widths and
heights in an IoU, 1 where the last pixel belongs to the box.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

Rows = tuple[Tensor, Tensor, Tensor]  # boxes (n, 4) px, scores (n,), groups (n,)

MERGES = ("soft_vote", "hard_vote", "selector")  # of views; selector: their boxes before NMS go through one NMS
SIGMA = 0.025  # of score voting: weights are exp(-(1 - IoU)^2 / SIGMA); PAA
LEAST_IOU = 0.01  # with a box that votes on another's coordinates; PAA


def iou_plus(a: Tensor, b: Tensor, plus: float) -> Tensor:
    """(n, 4), (m, 4) px -> (n, m) IoU of boxes whose sides are `plus` longer; 1 of a box with itself."""
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (high - low + plus).clamp(min=0).prod(-1)
    union = _area(a, plus)[:, None] + _area(b, plus)[None] - inter
    return torch.where(union > 0, inter / union, (a[:, None] == b[None]).all(-1).to(inter.dtype))


def _area(boxes: Tensor, plus: float) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2] + plus).prod(-1)


def hard_vote(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float, plus: float = 0.0) -> Rows:
    """The best box of a group takes all with IoU >= threshold: their mean, weighted by score, with the best score.

    So does the best that is left, until none is; a box that no other joins stays as it is. Best first.
    """
    return _voted(boxes, scores, groups, threshold, plus, least=None)


def soft_vote(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float, least: float, plus: float = 0.0) -> Rows:
    """As `hard_vote`; each box that joined comes back, too, with score * (1 - IoU), where that is at least `least`."""
    return _voted(boxes, scores, groups, threshold, plus, least)


def _voted(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float, plus: float, least: float | None) -> Rows:
    """On the CPU: a vote is a chain of small steps."""
    device = boxes.device
    boxes, scores, groups = boxes.cpu(), scores.cpu(), groups.cpu()
    order = scores.sort(stable=True).indices.flip(0)  # best first, the last of equal ones, as in the authors' code
    rows = [(boxes[:0], scores[:0], groups[:0])]
    order = order[groups[order].sort(stable=True).indices]
    for own in order.split(groups.unique(return_counts=True)[1].tolist()):
        for voted, score in _clusters(boxes[own], scores[own], threshold, plus, least):
            rows.append((voted, score, groups[own[:1]].expand(len(score))))
    columns = [torch.cat(column) for column in zip(*rows, strict=True)]
    best = columns[1].sort(stable=True, descending=True).indices.to(device)
    return tuple(column.to(device)[best] for column in columns)


def _clusters(
    boxes: Tensor, scores: Tensor, threshold: float, plus: float, least: float | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """boxes (n, 4) of one group, best first -> what each cluster becomes: (m, 4), (m,)."""
    while len(boxes):
        overlap = iou_plus(boxes[:1], boxes, plus)[0]
        joins = overlap >= threshold
        joins[0] = True  # the best box is always among its own
        joined, weight = boxes[joins], scores[joins]
        if len(joined) == 1:
            yield joined, weight
        else:
            yield _mean(weight[None], joined), weight[:1]
            if least is not None:
                faded = weight * (1 - overlap[joins])
                yield joined[faded >= least], faded[faded >= least]
        boxes, scores = boxes[~joins], scores[~joins]


def score_voting(
    kept: Tensor, kept_groups: Tensor, boxes: Tensor, scores: Tensor, groups: Tensor, plus: float = 0.0
) -> Tensor:
    """kept (D, 4) px after NMS, boxes (n, 4) px before it, with scores -> (D, 4): means of the boxes of their group.

    A box votes with score * exp(-(1 - IoU)^2 / 0.025) where its IoU is above 0.01, the kept one among them.
    """
    voted = kept.clone()
    for group in kept_groups.unique():
        rows, voters = kept_groups == group, groups == group
        overlap = iou_plus(kept[rows], boxes[voters], plus)
        weight = (-(1 - overlap).square() / SIGMA).exp() * scores[voters] * (overlap > LEAST_IOU)
        voted[rows] = _mean(weight, boxes[voters])
    return voted


def _mean(weight: Tensor, boxes: Tensor) -> Tensor:
    """(d, n), (n, 4) px -> (d, 4) weighted means, summed in float64: thousands of boxes may vote."""
    weight = weight.double()
    return (weight @ boxes.double() / weight.sum(1, keepdim=True)).to(boxes.dtype)

"""Losses summed over all P x K outputs in float64, and a batch on which the fast ones must equal them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from assigners.interface import OBJECTNESS, QUALITY, Assignment, HeadSpec, Loss, Objects
from detector.predictions import DensePredictions
from experiments.conformance.scenes import random_boxes, random_predictions, to_objects
from tests.oracles.common import overlaps

SPECS = {
    "plain": HeadSpec(branches=(QUALITY,)),
    "implicit": HeadSpec(branches=(replace(OBJECTNESS, implicit=True), QUALITY)),
}


def scene(spec: HeadSpec) -> tuple[DensePredictions, Objects, Assignment]:
    """Random pairs with random weights; some share a prior and a class, some priors are ignored."""
    batch = to_objects(random_boxes(7, 20, 150), random_boxes(4, 20, 150, seed=1))
    preds = random_predictions(spec, 2)
    draw = torch.Generator().manual_seed(3)
    gt = torch.arange(len(batch.boxes)).repeat_interleave(6)
    loc = batch.image[gt] * preds.grid.size + torch.randint(40, gt.shape, generator=draw)
    pos, neg, target, box = torch.rand(4, len(gt), generator=draw)
    pos, neg = pos * (pos > 0.3), neg * (neg > 0.3)
    ignore = torch.zeros(len(preds.logits), dtype=torch.bool).index_fill(0, torch.arange(50, 90), True)
    total = pos.sum()
    a = Assignment(
        loc=loc, gt=gt, pos=pos, neg=neg, z_pos=total, z_neg=total + 3, box=box, target=target, quality=target,
        ignore=ignore,
    )  # fmt: skip
    return preds, batch, a


def probability(preds: DensePredictions) -> Tensor:
    """(P, K) float64, objectness folded in."""
    p = preds.logits.double().sigmoid()
    return p if preds.implicit is None else p * preds.implicit.double().sigmoid()[:, None]


def weights(preds: DensePredictions, batch: Objects, a: Assignment) -> Tensor:
    """(P, K) w-: the least of an output's pairs, 1 where it has none, 0 where its prior is ignored."""
    w = torch.ones_like(preds.logits, dtype=torch.float64)
    for i, n, value in zip(a.loc.tolist(), a.gt.tolist(), a.neg.tolist(), strict=True):
        k = int(batch.labels[n])
        w[i, k] = min(float(w[i, k]), value)
    return w * (~a.ignore)[:, None]


def giou_sum(preds: DensePredictions, batch: Objects, a: Assignment, weight: Tensor) -> Tensor:
    """The GIoU losses of all pairs, by weight (M,); scalar."""
    giou = overlaps(preds.boxes_at(a.loc).double(), batch.boxes[a.gt].double())[1]
    return (weight.double() * (1 - giou)).sum()


def check_loss(loss: Loss, preds: DensePredictions, batch: Objects, a: Assignment, expected: dict[str, Tensor]) -> None:
    """Terms and gradients of all outputs."""
    a = Assignment(**vars(a))
    terms = loss(preds, batch, a)
    assert set(terms) == set(expected)
    leaves = [preds.logits, preds.deltas, *preds.branches.values()]
    for name, term in terms.items():
        assert term.item() == pytest.approx(expected[name].item(), rel=1e-5), name
        gradients, references = (
            torch.autograd.grad(x, leaves, allow_unused=True, retain_graph=True) for x in (term, expected[name])
        )
        for g, r in zip(gradients, references, strict=True):
            g, r = (torch.zeros(1) if x is None else x for x in (g, r))
            assert (g - r).abs().max() <= 1e-5 * r.abs().max() + 1e-8, name


def without_ignored_pairs(a: Assignment) -> Assignment:
    """A pair at an ignored prior still has its positive term, and no background to correct: none in the formulas."""
    keep = ~a.ignore[a.loc]
    columns = ("loc", "gt", "pos", "neg", "box", "target", "quality")
    return Assignment(**{k: v[keep] if k in columns else v for k, v in vars(a).items()})

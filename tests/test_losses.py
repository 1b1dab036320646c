"""Losses and costs that no method of ours uses yet against their formulas, summed over all P x K outputs in float64."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from assigners.costs import class_cost, predicted_iou
from assigners.geometry import ciou, diou
from assigners.interface import OBJECTNESS, QUALITY, Assignment, HeadSpec, Objects
from assigners.losses.dual import DualLoss
from assigners.losses.soft import SoftLoss
from detector.predictions import BOX_LOSSES, DensePredictions
from experiments.conformance.scenes import CLASSES, faces, objects, predictions
from tests.oracles.common import overlaps

SPECS = {
    "plain": HeadSpec(branches=(QUALITY,)),
    "implicit": HeadSpec(branches=(replace(OBJECTNESS, implicit=True), QUALITY)),
}
SOFT = {
    "qfl": SoftLoss(),
    "vfl": SoftLoss(focus="target", background=0.75),
    "vfl-detached": SoftLoss(focus="target", background=0.75, detached=True),
    "mal": SoftLoss(focus="one", gamma=1.5, detached=True),
    "bce": SoftLoss(focus="one", gamma=0.0),
}


def scene(spec: HeadSpec) -> tuple[DensePredictions, Objects, Assignment]:
    """Random pairs with random weights; some share a prior and a class, some priors are ignored."""
    batch = objects(faces(7, 20, 150), faces(4, 20, 150, seed=1))
    preds = predictions(spec, 2)
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
    listed = torch.zeros(w.shape, dtype=torch.bool)
    listed[a.loc, batch.labels[a.gt]] = True
    return w * (~a.ignore)[:, None]


def giou_sum(preds: DensePredictions, batch: Objects, a: Assignment, weight: Tensor) -> Tensor:
    giou = overlaps(preds.boxes_at(a.loc).double(), batch.boxes[a.gt].double())[1]
    return (weight.double() * (1 - giou)).sum()


def compare(loss, preds: DensePredictions, batch: Objects, a: Assignment, expected: dict[str, Tensor]) -> None:
    """Terms and gradients of all outputs."""
    a = Assignment(**vars(a))
    terms = loss(preds, batch, a)
    assert set(terms) == set(expected)
    leaves = [preds.logits, preds.deltas, *preds.branches.values()]
    for name, term in terms.items():
        assert term.item() == pytest.approx(expected[name].item(), rel=1e-5), name
        found, wanted = (torch.autograd.grad(x, leaves, allow_unused=True, retain_graph=True)
                         for x in (term, expected[name]))  # fmt: skip
        for g, w in zip(found, wanted, strict=True):
            g, w = (torch.zeros(1) if x is None else x for x in (g, w))
            assert (g - w).abs().max() <= 1e-5 * w.abs().max() + 1e-8, name


def without_ignored_pairs(a: Assignment) -> Assignment:
    """A pair at an ignored prior still has its positive term, and no background to correct: none in the formulas."""
    keep = ~a.ignore[a.loc]
    columns = ("loc", "gt", "pos", "neg", "box", "target", "quality")
    return Assignment(**{k: v[keep] if k in columns else v for k, v in vars(a).items()})


@pytest.mark.parametrize(("name", "spec"), list(product(SOFT, SPECS)))
def test_a_soft_loss_equals_its_formula(name, spec):
    loss, (preds, batch, a) = SOFT[name], scene(SPECS[spec])
    a = without_ignored_pairs(a)
    p, t = probability(preds), a.target.double()
    listed = p[a.loc, batch.labels[a.gt]]
    focus = {"quality": (t - listed).abs() ** loss.gamma, "target": t, "one": torch.ones_like(t)}[loss.focus]
    positive = (a.pos * focus * -(t * listed.log() + (1 - t) * (1 - listed).log())).sum()
    modulation = (p.detach() if loss.detached else p) ** loss.gamma
    negative = loss.background * (weights(preds, batch, a) * modulation * -(1 - p).log()).sum()
    quality = preds.branches["quality"][a.loc, 0].double()
    error = torch.nn.functional.binary_cross_entropy_with_logits(quality, t, reduction="none")
    compare(loss, preds, batch, a, {
        "cls": positive / a.z_pos + negative / a.z_neg,
        "box": giou_sum(preds, batch, a, a.box) / a.box.sum().clamp(min=1),
        "quality": (a.pos * error).sum() / a.z_pos,
    })  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_the_dual_loss_equals_its_formula(spec):
    preds, batch, a = scene(SPECS[spec])
    a = without_ignored_pairs(a)
    p = probability(preds)
    compare(DualLoss(), preds, batch, a, {
        "pos": 0.25 * (a.pos * -p[a.loc, batch.labels[a.gt]].log()).sum() / a.z_pos,
        "neg": (weights(preds, batch, a) * p**2 * -(1 - p).log()).sum() / a.z_neg,
        "box": 1.25 * giou_sum(preds, batch, a, a.box) / a.z_pos,
    })  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_class_cost_is_the_focal_loss_over_all_classes(spec, monkeypatch):
    monkeypatch.setattr("assigners.costs.BLOCK", 7 * CLASSES)
    preds, batch, a = scene(SPECS[spec])
    p, cls = probability(preds).detach()[a.loc], batch.labels[a.gt]
    target = torch.nn.functional.one_hot(cls, CLASSES).double()
    focal = -0.25 * target * (1 - p) ** 2 * p.log() - 0.75 * (1 - target) * p**2 * (1 - p).log()
    cost = class_cost(preds, a.loc, cls)
    assert not cost.requires_grad
    torch.testing.assert_close(cost.double(), focal.sum(1), rtol=1e-5, atol=1e-7)
    assert len(class_cost(preds, a.loc[:0], cls[:0])) == 0


def test_predicted_iou_is_that_of_the_decoded_boxes():
    preds, batch, a = scene(SPECS["plain"])
    expected = overlaps(preds.boxes_at(a.loc).double(), batch.boxes[a.gt].double())[0]
    found = predicted_iou(preds, batch, a.loc, a.gt)
    assert not found.requires_grad
    torch.testing.assert_close(found.double(), expected.detach(), rtol=1e-5, atol=1e-7)


def slow_diou(a: list[float], b: list[float]) -> float:
    iou = overlaps(torch.tensor(a).double(), torch.tensor(b).double())[0].item()
    distance = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    width, height = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    return iou - distance / (width**2 + height**2)


def slow_ciou(a: list[float], b: list[float]) -> float:
    angles = [torch.tensor((x[2] - x[0]) / (x[3] - x[1])).double().atan().item() for x in (a, b)]
    v = 4 / torch.pi**2 * (angles[1] - angles[0]) ** 2
    iou = overlaps(torch.tensor(a).double(), torch.tensor(b).double())[0].item()
    return slow_diou(a, b) - (v / (1 - iou + v) * v if v else 0)


def test_distance_and_aspect_iou_equal_plain_arithmetic():
    a, b = faces(60, 5, 90), faces(60, 5, 90, seed=5)
    b[:5] = a[:5]
    for fast, slow in ((diou, slow_diou), (ciou, slow_ciou)):
        expected = [slow(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        assert fast(a, b).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (ciou(a[:5], b[:5]) == 1).all()


@pytest.mark.parametrize("kind", BOX_LOSSES)
def test_every_box_loss_is_0_on_the_object_and_finite_off_it(kind):
    boxes = faces(20, 5, 90)
    flat = torch.cat((boxes[:4, :2], boxes[:4, :2]), 1)
    far = boxes + 500
    predicted = torch.cat((boxes, far, flat)).requires_grad_()
    loss = BOX_LOSSES[kind](predicted, torch.cat((boxes, boxes, boxes[:4])))
    assert loss[:20].detach().tolist() == pytest.approx([0.0] * 20, abs=1e-6) and (loss[20:] > 0.5).all()
    (gradient,) = torch.autograd.grad(loss.sum(), predicted)
    assert gradient.isfinite().all()

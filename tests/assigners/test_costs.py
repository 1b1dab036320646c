"""Costs of pairs against their formulas in float64."""

import pytest
import torch

from assigners.costs import class_cost, ignored_cost, predicted_iou
from experiments.conformance.scenes import CLASSES
from tests.oracles.common import overlaps
from tests.oracles.formulas import SPECS, probability, scene


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
    iou = predicted_iou(preds, batch, a.loc, a.gt)
    assert not iou.requires_grad
    torch.testing.assert_close(iou.double(), expected.detach(), rtol=1e-5, atol=1e-7)


def test_ignored_cost_counts_each_class_of_a_prior_once():
    preds, _, _ = scene(SPECS["plain"])
    loc, cls = torch.tensor([4, 4, 4, 4, 4, 9]), torch.tensor([0, 1, 1, 2, 2, 1])
    ignored = torch.tensor([False, True, True, False, True, False])  # of class 2 one pair of two, not the first
    p = probability(preds).detach()
    background = 0.75 * p**2 * -(1 - p).log()
    expected = [background[4, 1] + background[4, 2]] * 5 + [torch.zeros(())]
    cost = ignored_cost(preds, loc, cls, ignored)
    torch.testing.assert_close(cost.double(), torch.stack(expected).double(), rtol=1e-5, atol=1e-7)

"""The soft class loss against its formula, summed over all P x K outputs in float64."""

from itertools import product

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from assigners.losses.soft import SoftLoss
from tests.oracles.formulas import SPECS, check_loss, giou_sum, probability, scene, weights, without_ignored_pairs

LOSSES = {
    "qfl": SoftLoss(),
    "vfl": SoftLoss(focus="target", background=0.75),
    "vfl-detached": SoftLoss(focus="target", background=0.75, detached=True),
    "mal": SoftLoss(focus="one", gamma=1.5, detached=True),
    "bce": SoftLoss(focus="one", gamma=0.0),
}


@pytest.mark.parametrize(("name", "spec"), list(product(LOSSES, SPECS)))
def test_a_soft_loss_equals_its_formula(name, spec):
    loss, (preds, batch, a) = LOSSES[name], scene(SPECS[spec])
    a = without_ignored_pairs(a)
    p, t = probability(preds), a.target.double()
    listed = p[a.loc, batch.labels[a.gt]]
    focus = {"quality": (t - listed).abs() ** loss.gamma, "target": t, "one": torch.ones_like(t)}[loss.focus]
    positive = (a.pos * focus * -(t * listed.log() + (1 - t) * (1 - listed).log())).sum()
    modulation = (p.detach() if loss.detached else p) ** loss.gamma
    negative = loss.background * (weights(preds, batch, a) * modulation * -(1 - p).log()).sum()
    quality = preds.branches["quality"][a.loc, 0].double()
    error = binary_cross_entropy_with_logits(quality, t, reduction="none")
    check_loss(loss, preds, batch, a, {
        "cls": positive / a.z_pos + negative / a.z_neg,
        "box": giou_sum(preds, batch, a, a.box) / a.box.sum().clamp(min=1),
        "quality": (a.pos * error).sum() / a.z_pos,
    })  # fmt: skip

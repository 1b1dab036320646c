"""The loss of dual weighting against its formula, summed over all P x K outputs in float64."""

import pytest

from assigners.losses.dual import DualLoss
from tests.oracles.formulas import SPECS, check_loss, giou_sum, probability, scene, weights, without_ignored_pairs


@pytest.mark.parametrize("spec", SPECS)
def test_the_dual_loss_equals_its_formula(spec):
    preds, batch, a = scene(SPECS[spec])
    a = without_ignored_pairs(a)
    p = probability(preds)
    check_loss(DualLoss(), preds, batch, a, {
        "pos": 0.25 * (a.pos * -p[a.loc, batch.labels[a.gt]].log()).sum() / a.z_pos,
        "neg": (weights(preds, batch, a) * p**2 * -(1 - p).log()).sum() / a.z_neg,
        "box": 1.25 * giou_sum(preds, batch, a, a.box) / a.z_pos,
    })  # fmt: skip

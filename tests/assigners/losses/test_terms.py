"""What the losses share: normalisers, the least w- of an output, and a logarithm without cancellation."""

from dataclasses import replace

import pytest
import torch

from assigners.losses.point import PointLoss
from assigners.losses.soft import SoftLoss
from assigners.losses.terms import box_total, least_negative, log_not, world_mean
from tests.oracles.formulas import SPECS, scene

CLASSES = 3


def test_without_processes_a_normaliser_is_its_sum_and_at_least_1():
    sums = torch.tensor(7.5, dtype=torch.float64), torch.tensor(0), torch.tensor(0.25, requires_grad=True)
    means = world_mean(*sums)
    assert [mean.item() for mean in means] == [7.5, 1.0, 1.0]
    assert all(mean.dtype == torch.float32 and not mean.requires_grad and mean.shape == () for mean in means)


@pytest.mark.parametrize("seed", range(5))
def test_an_output_gets_the_least_weight_of_its_pairs_whatever_their_order(seed):
    draw = torch.Generator().manual_seed(seed)
    loc, cls = torch.randint(6, (40,), generator=draw), torch.randint(CLASSES, (40,), generator=draw)
    neg = torch.rand(40, generator=draw).mul(8).round() / 8  # equal weights, too
    outputs = list(zip(loc.tolist(), cls.tolist(), strict=True))
    least = {output: min(w for o, w in zip(outputs, neg.tolist(), strict=True) if o == output) for output in outputs}
    for order in (torch.arange(40), torch.randperm(40, generator=draw), torch.arange(39, -1, -1)):
        merged, pick = least_negative(loc[order], cls[order], neg[order], CLASSES)
        ordered = [outputs[i] for i in order.tolist()]
        assert merged.tolist() == [least[output] for output in ordered]
        picked = [output for output, one in zip(ordered, pick.tolist(), strict=True) if one]
        assert sorted(picked) == sorted(least)  # each output once


def test_neighbouring_outputs_are_not_merged():
    loc, cls = torch.tensor([0, 1, 0]), torch.tensor([2, 0, 1])
    merged, pick = least_negative(loc, cls, torch.tensor([0.5, 0.25, 1.0]), CLASSES)
    assert merged.tolist() == [0.5, 0.25, 1.0] and pick.all()


def test_no_pairs_have_no_weights():
    none = torch.zeros(0, dtype=torch.long)
    merged, pick = least_negative(none, none, torch.zeros(0), CLASSES)
    assert merged.shape == pick.shape == (0,) and pick.dtype == torch.bool


@pytest.mark.parametrize("weight", [0.0, 0.5, 1 - 2**-12, 1 - 2**-24, 1.0])
@pytest.mark.parametrize("rarity", [-0.5, -5.0, -12.0, -20.0, -60.0])  # log(1 - p)
def test_the_log_of_what_is_left_has_no_cancellation_near_p_1(rarity, weight):
    log_q = torch.tensor(rarity, dtype=torch.float64)
    log_p = torch.log1p(-log_q.exp())
    expected = (log_q.exp() + log_p.exp() * (1 - weight)).log().item()
    single = log_p.float().requires_grad_()
    value = log_not(single, log_q.float(), torch.tensor(weight))
    assert value.item() == pytest.approx(expected, rel=1e-5, abs=1e-7)
    (gradient,) = torch.autograd.grad(value, single)
    assert gradient.isfinite()


@pytest.mark.parametrize("loss", [PointLoss(), SoftLoss()])
def test_a_box_term_has_the_normaliser_of_its_assignment_or_the_sum_of_its_weights(loss):
    preds, batch, a = scene(SPECS["plain"])
    own, given = loss(preds, batch, a), loss(preds, batch, replace(a, z_box=2 * a.box.sum()))
    assert box_total(a) == a.box.sum() and box_total(replace(a, z_box=torch.tensor(7.0))) == 7
    assert given["box"].item() == pytest.approx(own["box"].item() / 2)
    assert given["cls"] == own["cls"]

"""AutoAssign: all its switches equal the oracle, and facts of its weights and priors."""

from dataclasses import replace
from itertools import product

import pytest
import torch

import assigners
from tests.oracles import autoassign
from tests.oracles.common import Raw, decode_ltrb, overlaps
from tests.oracles.compare import check, fast, prepared
from tests.oracles.scenes import one_object, two_by_two

SWITCHES = [
    {"center": c, "confidence": p, "negative": n, "objectness": o}
    for c, p, n, o in product(
        ("none", "fixed", "shared", "category"), ("none", "cls", "loc", "joint"),
        ("none", "iou"), ("none", "implicit", "explicit"),
    )
]  # fmt: skip


@pytest.mark.parametrize("kind", ["identical", "outside", "random"])
@pytest.mark.parametrize("settings", SWITCHES, ids=lambda s: "-".join(s.values()))
def test_every_combination_of_switches_equals_the_oracle(settings, kind, record_property):
    check("autoassign", settings, kind, 7, record_property)


@pytest.mark.parametrize("seed", range(4))
def test_weights_of_an_object_sum_to_1_and_its_best_box_is_no_background(seed):
    assigner, grid, objects, raw = prepared("autoassign", {}, "random", seed)
    a, _, gradients = fast(assigner, grid, objects, raw)
    boxes = decode_ltrb(grid, objects.images, raw.deltas.double())
    for n in a.gt.unique().tolist():
        pairs = a.gt == n
        assert a.pos[pairs].sum().item() == pytest.approx(1, abs=1e-5)
        rivals = objects.boxes[objects.image == objects.image[n]].double()
        iou = torch.stack([overlaps(boxes[a.loc[pairs]], g)[0] for g in rivals]).amax(0)
        assert a.neg[pairs][iou.argmax()] == 0
    assert all(gradients[name].abs().max() > 0 for name in ("mu", "sigma", "objectness", "deltas"))


def test_the_only_location_of_an_object_has_no_negative_weight():
    assigner, grid, objects, raw = prepared("autoassign", {}, "outside", seed=3)
    a, _, _ = fast(assigner, grid, objects, raw)
    lone = [n for n in range(len(objects.boxes)) if (a.gt == n).sum() == 1]
    assert lone and all((a.neg[a.gt == n] == 0).all() for n in lone)


def test_the_fallback_gives_an_object_between_the_locations_those_of_largest_prior():
    assigner, grid, objects, raw = prepared("autoassign", {"fallback": "nearest", "fallback_topk": 4}, "outside", 3)
    assigner.mu.data.zero_()
    assigner.sigma.data.fill_(1)
    strict, _, _ = fast(prepared("autoassign", {}, "outside", 3)[0], grid, objects, raw)
    a, _, _ = fast(assigner, grid, objects, raw)
    orphans = set(range(len(objects.boxes))) - set(strict.gt.tolist())
    assert orphans
    fixed = replace(raw, mu=torch.zeros(1, 2), sigma=torch.ones(1, 2))
    for n in orphans:
        loc = a.loc[a.gt == n]
        prior = autoassign.center_prior(grid, objects.boxes[n].double(), range(grid.size), fixed, "fixed", 0)
        assert sorted(prior[loc % grid.size].tolist()) == pytest.approx(prior.sort().values[-4:].tolist())
        assert a.pos[a.gt == n].sum().item() == pytest.approx(1, abs=1e-5)


def test_without_switches_an_object_is_the_plain_mean_of_its_locations():
    off = {"center": "none", "confidence": "none", "negative": "none", "objectness": "none"}
    assigner, grid, objects, raw = prepared("autoassign", off, "random", seed=3)
    a, _, _ = fast(assigner, grid, objects, raw)
    count = torch.bincount(a.gt, minlength=len(objects.boxes))
    assert torch.allclose(a.pos, 1 / count[a.gt].float(), rtol=1e-6) and (a.neg == 1).all()


def test_learned_are_the_priors_that_are_learned():
    shapes = {
        center: {name: tuple(x.shape) for name, x in assigners.build("autoassign", 4, center=center).learned().items()}
        for center in ("none", "fixed", "shared", "category")
    }
    assert shapes["category"] == {"mu": (4, 2), "sigma": (4, 2)} and shapes["shared"] == {"mu": (1, 2), "sigma": (1, 2)}
    assert shapes["none"] == shapes["fixed"] == assigners.build("fcos", 4).learned() == {}


def test_the_oracle_gives_the_terms_of_one_location_computed_by_hand():
    grid, one = two_by_two(), one_object([-8.0, -8.0, 8.0, 8.0])
    raw = Raw(torch.zeros(4, 1), torch.ones(4, 4), torch.zeros(4), None, torch.zeros(1, 2), torch.ones(1, 2))
    result = autoassign.oracle(grid, one, raw.leaves(torch.float64))
    assert result.pairs == {(0, 0): (1.0, 0.0)}
    assert result.terms["pos"].item() == pytest.approx(0.25 * -torch.tensor(0.25).log().item())
    assert result.terms["center"].item() == pytest.approx(0.75)
    assert result.terms["neg"].item() == pytest.approx(0.75 * 3 * 0.25**2 * -torch.tensor(0.75).log().item())

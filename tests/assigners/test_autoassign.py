"""AutoAssign: all its switches equal the oracle, and facts of its weights and priors."""

from dataclasses import replace
from itertools import product

import pytest
import torch

import assigners
from tests.oracles import autoassign
from tests.oracles.common import Raw, decode_ltrb, overlaps
from tests.oracles.compare import check, fast, prepared
from tests.oracles.scenes import one_image, one_object, two_by_two

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


FORMS = [{"objectness": "explicit", "explicit_loss": "focal", "center": c} for c in ("none", "category")]
CONTROLS = [{"normaliser": "fixed", "center": c} for c in ("none", "shared", "category")]
FALLBACKS = [  # without w-, which divides by a range of IoU that is narrow so far from a box
    {"fallback": "nearest", "fallback_topk": k, "center": c, "negative": "none"}
    for k in (1, 4, 9) for c in ("none", "category")
]  # fmt: skip


@pytest.mark.parametrize("kind", ["identical", "outside", "random", "tiny", "none"])
@pytest.mark.parametrize("settings", FORMS + CONTROLS, ids=lambda s: "-".join(map(str, s.values())))
def test_forms_and_controls_equal_the_oracle(settings, kind, record_property):
    check("autoassign", settings, kind, 7, record_property)


@pytest.mark.parametrize("kind", ["tiny", "random", "none"])
@pytest.mark.parametrize("settings", FALLBACKS, ids=lambda s: "-".join(map(str, s.values())))
def test_the_fallback_equals_the_oracle(settings, kind, record_property):
    check("autoassign", settings, kind, 7, record_property)


@pytest.mark.parametrize("mu", [(0.0, 0.0), (2.0, 2.0), (-3.0, 1.3)])
@pytest.mark.parametrize("sigma", [(1.0, 1.0), (0.4, 3.0)])
def test_the_fallback_takes_the_locations_of_largest_prior_however_far_from_the_centre(mu, sigma):
    settings = {"fallback": "nearest", "fallback_topk": 9}
    assigner, grid, _, raw = prepared("autoassign", settings, "tiny", 3)
    raw = replace(raw, mu=torch.tensor([mu] * 3), sigma=torch.tensor([sigma] * 3))
    assigner.mu.data.copy_(raw.mu)
    assigner.sigma.data.copy_(raw.sigma)
    corner = torch.rand(200, 2, generator=torch.Generator().manual_seed(1)) * 120 // 8 * 8 + 2.25  # between locations
    objects = one_image(torch.cat((corner, corner + 3.0), 1), torch.arange(200) % 3)
    loc, gt = assigner._candidates(grid, objects)
    for n in range(200):
        expected = autoassign.largest_prior(grid, objects.boxes[n].double(), raw, "category", n % 3, 9)
        assert sorted(loc[gt == n].tolist()) == sorted(expected)


def test_explicit_objectness_does_not_see_what_lies_in_an_ignore_region():
    assigner, grid, _, raw = prepared("autoassign", {"objectness": "explicit"}, "one", 3)
    region = torch.tensor([[0.0, 0.0, 160.0, 128.0]])
    crowd = replace(one_object([30.25, 20.5, 71.0, 80.75]), ignore=region, ignore_image=torch.tensor([0]))
    _, _, gradients = fast(assigner, grid, crowd, raw)
    within = torch.zeros(grid.size, dtype=torch.bool)
    within[assigner._candidates(grid, crowd)[0]] = True
    inner = ((grid.centers > region[0, :2]) & (grid.centers < region[0, 2:])).all(1)
    slope = gradients["objectness"].flatten()
    assert (slope[within] != 0).all() and (slope[inner & ~within] == 0).all() and inner.sum() > within.sum()


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

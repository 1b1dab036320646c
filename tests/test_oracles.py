"""The fast assigners equal their slow oracles: pairs, weights, loss terms, gradients. And facts of AutoAssign."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from assigners import build
from assigners.interface import Grid, Level, Objects
from detector.grid import make_grid
from tests.oracles import atss, autoassign, fcos, freeanchor, retinanet
from tests.oracles.common import Raw, decode_ltrb, overlaps
from tests.oracles.compare import CLASSES, ORACLES, check, fast, prepared, seen, slow
from tests.scenes import KINDS, SIZES, SPECS, loop_grid, shuffled

SWITCHES = [
    {"center": c, "confidence": p, "negative": n, "objectness": o}
    for c, p, n, o in product(
        ("none", "fixed", "shared", "category"), ("none", "cls", "loc", "joint"),
        ("none", "iou"), ("none", "implicit", "explicit"),
    )
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objectness", ["none", "implicit"])
@pytest.mark.parametrize("method", ORACLES)
def test_equals_oracle(method, objectness, kind):
    check(method, {"objectness": objectness}, kind, seed=1)


@pytest.mark.parametrize("seed", range(2, 6))
@pytest.mark.parametrize("method", ORACLES)
def test_equals_oracle_on_random_scenes(method, seed):
    check(method, {"objectness": "none"}, "random", seed)


@pytest.mark.parametrize("kind", ["identical", "outside", "random"])
@pytest.mark.parametrize("settings", SWITCHES, ids=lambda s: "-".join(s.values()))
def test_autoassign_switches_equal_oracle(settings, kind):
    check("autoassign", settings, kind, seed=7)


@pytest.mark.parametrize("method", ORACLES)
def test_grid_and_spec(method):
    spec = build(method, num_classes=CLASSES).spec()
    names = ("scales", "ratios", "base", "coder", "delta_weights", "branches")
    assert [getattr(spec, name) for name in names] == [getattr(SPECS[method], name) for name in names]
    style, expected = spec.style, SPECS[method].style
    assert (style.offset, style.prior_prob) == (expected.offset, expected.prior_prob)
    assert style.box_bias == expected.box_bias or method in ("fcos", "atss")
    grid, expected = make_grid(spec, SIZES), loop_grid(SPECS[method])
    assert grid.levels == expected.levels
    assert all(torch.allclose(getattr(grid, k), getattr(expected, k)) for k in ("boxes", "centers", "stride", "shapes"))


@pytest.mark.parametrize("method", ORACLES)
def test_order_of_objects_and_rerun(method):
    assigner, grid, objects, raw = prepared(method, {}, "random", seed=11)
    _, terms, gradients = fast(assigner, grid, objects, raw)
    again = fast(assigner, grid, objects, raw)
    assert all(torch.equal(terms[k], again[1][k]) for k in terms)
    assert all(torch.equal(gradients[k], again[2][k]) for k in gradients)
    for seed in range(3):
        _, other, changed = fast(assigner, grid, shuffled(objects, seed)[0], raw)
        assert all(torch.allclose(terms[k], other[k], rtol=1e-6) for k in terms)
        assert all(torch.allclose(gradients[k], changed[k], rtol=1e-4, atol=1e-7) for k in gradients)


@pytest.mark.parametrize("seed", range(4))
def test_autoassign_weights(seed):
    assigner, grid, objects, raw = prepared("autoassign", {}, "random", seed)
    a, _, gradients = fast(assigner, grid, objects, raw)
    boxes = decode_ltrb(grid, objects.images, raw.deltas.double())
    for n in a.gt.unique().tolist():
        mine = a.gt == n
        assert a.pos[mine].sum().item() == pytest.approx(1, abs=1e-5)
        rivals = objects.boxes[objects.image == objects.image[n]].double()
        iou = torch.stack([overlaps(boxes[a.loc[mine]], g)[0] for g in rivals]).amax(0)
        assert a.neg[mine][iou.argmax()] == 0
    assert all(gradients[name].abs().max() > 0 for name in ("mu", "sigma", "objectness", "deltas"))


def test_autoassign_lone_location_has_no_negative_weight():
    assigner, grid, objects, raw = prepared("autoassign", {}, "outside", seed=3)
    a, _, _ = fast(assigner, grid, objects, raw)
    lone = [n for n in range(len(objects.boxes)) if (a.gt == n).sum() == 1]
    assert lone and all((a.neg[a.gt == n] == 0).all() for n in lone)


@pytest.mark.parametrize("method", ORACLES)
def test_objects_that_nothing_learns_are_counted(method):
    assigner, grid, objects, raw = prepared(method, {}, "outside", seed=3)
    _, counts = assigner(seen(assigner, grid, objects, raw.leaves(torch.float32)), objects)
    served = {n for (_, n), (plus, _) in slow(method, {}, grid, objects, raw)[0].pairs.items() if plus > 0}
    assert counts["unassigned"] == len(objects.boxes) - len(served) > 0


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
        mine = a.loc[a.gt == n]
        prior = autoassign.center_prior(grid, objects.boxes[n].double(), range(grid.size), fixed, "fixed", 0)
        assert sorted(prior[mine % grid.size].tolist()) == pytest.approx(prior.sort().values[-4:].tolist())
        assert a.pos[a.gt == n].sum().item() == pytest.approx(1, abs=1e-5)


def test_autoassign_without_switches_is_a_plain_mean():
    off = {"center": "none", "confidence": "none", "negative": "none", "objectness": "none"}
    assigner, grid, objects, raw = prepared("autoassign", off, "random", seed=3)
    a, _, _ = fast(assigner, grid, objects, raw)
    count = torch.bincount(a.gt, minlength=len(objects.boxes))
    assert torch.allclose(a.pos, 1 / count[a.gt].float(), rtol=1e-6) and (a.neg == 1).all()


def two_by_two() -> Grid:
    """Four points, 8 px apart, as the only level; boxes of 16 px."""
    centers = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0]])
    boxes = torch.cat((centers - 8, centers + 8), 1)
    return Grid(boxes, centers, torch.full((4,), 8.0), (Level(0, 4, 8, 2, 2),), torch.tensor([[2.0, 2.0]]), 0.0)


def one_object(box: list[float]) -> Objects:
    """A box of class 0 in one image."""
    none = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    zero = torch.tensor([0])
    return Objects(boxes=torch.tensor([box]), labels=zero, image=zero, ignore=none[0], ignore_image=none[1], images=1)


def test_oracles_by_hand():
    grid, one = two_by_two(), one_object([-8.0, -8.0, 8.0, 8.0])
    assert retinanet.match(grid, one) == ({0: 0}, set())
    near = one_object([-4.0, -8.0, 12.0, 8.0])  # IoU 0.6 with two of the anchors
    assert retinanet.match(grid, near)[0] == {0: 0, 1: 0}
    assert atss.candidates(grid, [7.0, 0.0, 8.0, 1.0]) == [1, 0, 3, 2]
    assert freeanchor.bag(grid, near.boxes[0]) == [0, 1, 2, 3]
    assert fcos.centerness(2, 5, [0, 0, 10, 10]) == 0.5
    raw = Raw(torch.zeros(4, 1), torch.ones(4, 4), torch.zeros(4), None, torch.zeros(1, 2), torch.ones(1, 2))
    result = autoassign.oracle(grid, one, raw.leaves(torch.float64))
    assert result.pairs == {(0, 0): (1.0, 0.0)}
    assert result.terms["pos"].item() == pytest.approx(0.25 * -torch.tensor(0.25).log().item())
    assert result.terms["center"].item() == pytest.approx(0.75)
    assert result.terms["neg"].item() == pytest.approx(0.75 * 3 * 0.25**2 * -torch.tensor(0.75).log().item())

"""Run a fast assigner and its oracle on one scene, and compare all they say."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from assigners import build
from assigners.assigner import Assigner
from assigners.interface import Assignment, Grid, Objects
from detector.grid import make_grid
from detector.predictions import DensePredictions
from tests.oracles import (
    atss,
    autoassign,
    fcos,
    freeanchor,
    fsaf,
    guidedanchoring,
    metaanchor,
    noisy_anchors,
    plain_fcos,
    retinanet,
    sapd,
)
from tests.oracles.common import Raw, Result
from tests.oracles.scenes import SIZES, scene
from tests.oracles.tally import COMPARED, PROPERTY, SKIPPED

CLASSES, CHANNELS = 3, 3
FIRST = (retinanet, fcos, atss, freeanchor, autoassign)  # of the first version
ORACLES = {
    m.__name__.rsplit(".", 1)[1]: m.oracle
    for m in (*FIRST, guidedanchoring, metaanchor, plain_fcos, fsaf, noisy_anchors, sapd)
}
MIX = {"cls": 1.0, "box": 1.3, "quality": 0.7, "pos": 1.1, "neg": 1.7, "center": 0.6, "objectness": 0.8,
       "location": 1.2, "shape": 0.9, "level": 0.9}  # fmt: skip


def prepared(method: str, settings: dict, kind: str, seed: int) -> tuple[Assigner, Grid, Objects, Raw]:
    """The assigner with the mu and sigma of the scene."""
    assigner = build(method, num_classes=CLASSES, channels=CHANNELS, **settings)
    grid = make_grid(assigner.spec(), SIZES)
    objects, raw = scene(seed, kind, grid, assigner.spec(), CLASSES)
    center = settings.get("center", "category")
    if center == "fixed":
        raw = replace(raw, mu=torch.zeros(1, 2), sigma=torch.ones(1, 2))
    elif center == "shared":
        raw = replace(raw, mu=raw.mu[:1], sigma=raw.sigma[:1])
    if method == "autoassign" and center in ("shared", "category"):
        assigner.mu.data.copy_(raw.mu)
        assigner.sigma.data.copy_(raw.sigma)
    if assigner.spec().pyramid:
        draw = torch.Generator().manual_seed(seed)
        net = 0.2 * torch.randn(sum(p.numel() for p in assigner.parameters()), generator=draw)
        vector_to_parameters(net, assigner.parameters())
        raw = replace(raw, features=torch.randn(objects.images, CHANNELS, grid.size, generator=draw), net=net)
    return assigner, grid, objects, raw


def backward(terms: dict[str, Tensor], leaves: dict[str, Tensor]) -> dict[str, Tensor]:
    """Gradients of one mixture of the terms, zero where a leaf takes no part."""
    total = sum(MIX[name] * value for name, value in terms.items())
    gradients = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    pairs = zip(leaves.items(), gradients, strict=True)
    return {name: torch.zeros_like(leaf) if g is None else g for (name, leaf), g in pairs}


def seen(assigner: Assigner, grid: Grid, objects: Objects, leaf: Raw) -> DensePredictions:
    """The branches that the assigner's head has."""
    spec = assigner.spec()
    branches = {branch.name: getattr(leaf, branch.name).reshape(-1, branch.channels) for branch in spec.branches}
    maps = [leaf.features[..., v.start : v.stop].unflatten(2, (v.height, v.width)) for v in grid.levels if spec.pyramid]
    return DensePredictions(grid, objects.images, spec, leaf.logits, leaf.deltas, branches, tuple(maps), progress=0.5)


def fast(assigner: Assigner, grid: Grid, objects: Objects, raw: Raw) -> tuple[Assignment, dict, dict]:
    """Assignment, loss terms and gradients of the code under test; what it carries to a next step is forgotten."""
    assigner = deepcopy(assigner)
    outputs = raw.leaves(torch.float32)
    preds = seen(assigner, grid, objects, outputs)
    terms, _ = assigner(preds, objects)
    names = ("logits", "deltas", *preds.branches, *(["features"] * len(preds.pyramid[:1])))
    leaves = {name: getattr(outputs, name) for name in names} | dict(assigner.named_parameters())
    gradients = backward(terms, leaves)
    if raw.net is not None:  # all of them in a row
        gradients["net"] = parameters_to_vector(gradients.pop(name) for name, _ in assigner.named_parameters())
    return assigner.assign(grid, objects, preds), terms, gradients


def slow(method: str, settings: dict, grid: Grid, objects: Objects, raw: Raw) -> tuple[Result, dict]:
    """Result and gradients of the oracle."""
    leaf = raw.leaves(torch.float64)
    if method != "autoassign":
        settings = {"implicit": settings.get("objectness") == "implicit"}
    result = ORACLES[method](grid, objects, leaf, **settings)
    return result, backward(result.terms, {name: x for name, x in vars(leaf).items() if x is not None})


def check_pairs(assignment: Assignment, objects: Objects, expected: Result) -> None:
    """Equal pairs with w+ > 0 and their w+; equal w- of every (location, class)."""
    actual = {}
    for i, n, plus, minus in zip(
        *(t.tolist() for t in (assignment.loc, assignment.gt, assignment.pos, assignment.neg)), strict=True
    ):
        before = actual.get((i, n), (0.0, 1.0))  # FreeAnchor lists a pair for its bag, and again for its IoU
        actual[i, n] = (before[0] + plus, min(before[1], minus))
    got, want = ({pair: w[0] for pair, w in d.items() if w[0] > 1e-30} for d in (actual, expected.pairs))
    assert set(got) ^ set(want) <= expected.unsure
    assert all(got[pair] == pytest.approx(want[pair], rel=1e-5, abs=1e-6) for pair in set(got) & set(want))
    least = [{}, {}]
    for table, source in zip(least, (actual, expected.pairs), strict=True):
        for (i, n), (_, minus) in source.items():
            key = i, int(objects.labels[n])
            table[key] = min(minus, table.get(key, 1.0))
    tolerance = 1e-4  # w- divides by a range of IoU, which may be narrow; the loss terms are held to 1e-5
    for key in set(least[0]) | set(least[1]):
        assert least[0].get(key, 1.0) == pytest.approx(least[1].get(key, 1.0), abs=tolerance), key


def check(method: str, settings: dict, kind: str, seed: int, record_property: Callable[[str, object], None]) -> None:
    """Everything that the oracle says; record_property, pytest's fixture, counts what cannot be compared."""
    assigner, grid, objects, raw = prepared(method, settings, kind, seed)
    assignment, terms, gradients = fast(assigner, grid, objects, raw)
    expected, reference = slow(method, settings, grid, objects, raw)
    record_property(PROPERTY, SKIPPED if expected.unsure else COMPARED)
    check_pairs(assignment, objects, expected)
    if expected.unsure:
        pytest.skip("a decision has too small a margin")
    assert set(terms) == set(expected.terms)
    for name, value in terms.items():
        assert value.item() == pytest.approx(expected.terms[name].item(), rel=1e-5, abs=1e-6), name
    for name, value in gradients.items():
        assert torch.isfinite(value).all(), name
        error = (value.double() - reference[name]).abs().max()
        assert error <= 1e-5 * reference[name].abs().max() + 1e-9, (name, error)

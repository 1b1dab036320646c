"""What each loss term weighs at the start of a training, where every output is the bias of its layer."""

from functools import cache
from itertools import product
from math import log

import pytest
import torch
from torch import Tensor

import assigners
from assigners.interface import HeadSpec, Objects
from detector.coders import coder
from detector.grid import make_grid
from detector.predictions import DensePredictions
from tests.oracles.scenes import one_image

MAIN = {"pos", "neg", "cls", "box"}  # every other term is an auxiliary one
SCENES = {"coco": (7, 800, 1344, 80), "shapes": (5, 128, 128, 10)}  # objects, height and width in px, classes
OTHERS = list(
    product(
        ("retinanet", "fcos", "atss", "freeanchor", "metaanchor", "fsaf", "noisy_anchors"),
        ("none", "implicit"),
    )
)
SWITCHES = {
    "center": ("none", "fixed", "shared", "category"),
    "confidence": ("none", "cls", "loc", "joint"),
    "negative": ("none", "iou"),
    "normaliser": ("prior", "fixed"),
    "objectness": ("none", "implicit", "explicit"),
    "explicit_loss": ("bce", "focal"),
    "fallback": ("none", "nearest"),
}


@cache
def objects_of(scene: str) -> Objects:
    """Squares of 5 to 50 % of the shorter side, each with a location inside."""
    count, height, width, classes = SCENES[scene]
    side = 0.05 * height * 10 ** torch.linspace(0, 1, count)[:, None]
    corner = torch.rand(count, 2, generator=torch.Generator().manual_seed(0)) * (torch.tensor([width, height]) - side)
    corner = (corner / 8).floor() * 8 - 0.5  # a corner holds a location
    return one_image(torch.cat((corner, corner + side), 1), torch.arange(count) % classes)


@cache
def at_start(spec: HeadSpec, scene: str) -> DensePredictions:
    _, height, width, classes = SCENES[scene]
    grid = make_grid(spec, tuple((s, -(-height // s), -(-width // s)) for s in (8, 16, 32, 64, 128)))
    logits = torch.full((grid.size, classes), -log(1 / spec.style.prior_prob - 1))
    deltas = torch.full((grid.size, 4), coder(spec).start(spec.style.box_bias))
    branches = {branch.name: torch.full((grid.size, branch.channels), branch.bias) for branch in spec.branches}
    return DensePredictions(grid, 1, spec, logits, deltas, branches, progress=0.0)


def terms(method: str, settings: dict, scene: str) -> dict[str, float]:
    assigner = assigners.build(method, SCENES[scene][3], **settings)
    values: dict[str, Tensor] = assigner(at_start(assigner.spec(), scene), objects_of(scene))[0]
    return {name: value.item() for name, value in values.items()}


def check_shares(method: str, settings: dict, scene: str) -> None:
    """A start of 0.5 to 8; no auxiliary term above a third of the sum."""
    values = terms(method, settings, scene)
    total = sum(values.values())
    assert 0.5 < total < 8, (settings, values)
    for name in set(values) - MAIN:
        assert 0 < values[name] < total / 3, (settings, name, values)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(("method", "objectness"), OTHERS)
def test_no_auxiliary_term_outweighs_the_others(method, objectness, scene):
    check_shares(method, {"objectness": objectness}, scene)


def test_the_boxes_of_the_original_fcos_start_as_single_pixels():
    """So its box term starts higher than any other: -log of a share of some thousandths."""
    assert 4 < terms("plain_fcos", {}, "shapes")["box"] < terms("plain_fcos", {}, "coco")["box"] < 13


def test_the_location_of_guided_anchors_is_normalised_by_cells_and_not_by_objects():
    """An auxiliary term on COCO's images; five objects on 341 cells weigh as much as 330 on 22,400."""
    check_shares("guidedanchoring", {}, "coco")
    values = {scene: terms("guidedanchoring", {}, scene) for scene in SCENES}
    assert 5 < values["shapes"]["location"] < 7 and values["coco"]["location"] < 0.3
    assert 0 < values["shapes"]["shape"] < values["coco"]["shape"] < 0.5


@pytest.mark.parametrize("scene", SCENES)
def test_no_switch_of_autoassign_lets_a_term_outweigh_the_others(scene):
    """About 16 s on COCO's images: every combination of the switches on 22,400 cells an image."""
    for values in product(*SWITCHES.values()):
        settings = dict(zip(SWITCHES, values, strict=True))
        if settings["objectness"] == "explicit" or settings["explicit_loss"] == "bce":
            check_shares("autoassign", settings, scene)


@pytest.mark.parametrize("form", SWITCHES["explicit_loss"])
def test_explicit_objectness_weighs_the_same_whatever_the_prior(form):
    explicit = {"objectness": "explicit", "explicit_loss": form}
    values = {c: terms("autoassign", explicit | {"center": c}, "coco")["objectness"] for c in SWITCHES["center"]}
    assert len(set(values.values())) == 1 and 0.4 < values["none"] < 1


def test_the_fixed_normaliser_takes_back_what_the_negatives_lose_without_a_prior():
    weight = {
        (c, z): terms("autoassign", {"center": c, "normaliser": z, "objectness": "none"}, "coco")["neg"]
        for c in ("none", "category") for z in ("prior", "fixed")
    }  # fmt: skip
    assert weight["none", "fixed"] == pytest.approx(weight["category", "prior"], rel=1e-5)
    assert weight["none", "prior"] < weight["none", "fixed"] / 3

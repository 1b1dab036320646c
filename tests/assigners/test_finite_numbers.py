"""Finite by construction: sigma near 0, an IoU of exactly 1, boxes without area, 2000 objects, bf16, all at once."""

from dataclasses import replace

import pytest
import torch

import assigners
from assigners.interface import Objects
from detector.predictions import DensePredictions
from experiments.conformance.scenes import (
    CHANNELS,
    CLASSES,
    Step,
    mapped,
    random_boxes,
    random_predictions,
    to_objects,
    training_step,
)
from experiments.recipes.settings import settings_of
from experiments.recipes.typed import parts_of

FLAT = torch.tensor([[50.0, 50.0, 50.0, 90.0], [30.0, 30.0, 30.0, 30.0], [1e-30, 0.0, 2e-30, 40.0]])
SCENES = {
    "ordinary": to_objects(random_boxes(7, 20, 120), random_boxes(3, 20, 120, seed=1)),
    "without area": to_objects(FLAT, FLAT.flip(0)),
    "2000": to_objects(random_boxes(2000, 6, 60), random_boxes(1, 6, 60)),
    "identical": to_objects(random_boxes(1, 90, 100).repeat(9, 1), random_boxes(0, 1, 2)),
}


def exact(preds: DensePredictions, batch: Objects) -> DensePredictions:
    """Every prior predicts, as far as its coder can, a box of the image's objects: IoU 1 there."""
    grid = preds.grid
    deltas = []
    for image in range(batch.images):
        boxes = batch.boxes[batch.image == image]
        nearest = grid.boxes
        if len(boxes):
            nearest = boxes[torch.cdist(grid.centers, (boxes[:, :2] + boxes[:, 2:]) / 2).argmin(1)]
        deltas.append(preds.encode(torch.arange(grid.size), nearest))
    return replace(preds, deltas=torch.cat(deltas).requires_grad_())


def infinite(step: Step) -> list[str]:
    return [name for name, x in step.numbers.items() if not x.isfinite().all()]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("name", assigners.METHODS)
def test_boxes_met_exactly_and_bf16_are_finite(name, scene):
    batch, assigner = SCENES[scene], assigners.build(name, CLASSES, CHANNELS)
    preds = random_predictions(assigner.spec(), batch.images)
    met = exact(preds, batch)
    assert infinite(training_step(assigner, met, batch)) == []
    rounded = mapped(preds, lambda x: (40 * x).bfloat16().float())
    assert infinite(training_step(assigner, rounded, batch)) == []
    sure = mapped(exact(preds, batch), lambda x: x)
    sure = replace(sure, logits=(1000 * preds.logits.detach().sign()).requires_grad_())
    assert infinite(training_step(assigner, sure, batch)) == []


@pytest.mark.parametrize("name", assigners.METHODS)
def test_every_permitted_focus_is_finite_where_p_is_0_or_1(name):
    """x^gamma has a slope at 0 for gamma 0, 1 and more; for 0.5 it has none, and no setting takes that."""
    batch, assigner = SCENES["ordinary"], assigners.build(name, CLASSES, CHANNELS)
    _, (limit,) = parts_of(settings_of(type(assigner))["loss.gamma"].kind)
    assert [gamma for gamma in (0, 0.25, 0.5, 0.99, 1, 1.01, 2) if limit.holds(gamma)] == [0, 1, 1.01, 2]
    sure = mapped(random_predictions(assigner.spec(), batch.images), lambda x: x)
    sure = replace(sure, logits=(1000 * sure.logits.detach().sign()).requires_grad_())
    for gamma in (0.0, 1.0, 1.01):
        assigner.loss = replace(assigner.loss, gamma=gamma)
        assert infinite(training_step(assigner, sure, batch)) == []


def test_the_boxes_are_met_exactly():
    """Or the test above would prove less than it says."""
    for name in ("fcos", "retinanet"):
        preds = random_predictions(assigners.build(name, CLASSES).spec(), 2)
        met = exact(preds, SCENES["ordinary"])
        inner = torch.isclose(met.boxes()[:, None], SCENES["ordinary"].boxes[None], atol=1e-3).all(-1).any()
        assert inner


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("sigma", [0.0, 1e-30, 1e-8, -1e-8, 1e-3, 1e30])
def test_a_centre_prior_of_any_width_is_finite(sigma, scene):
    batch, assigner = SCENES[scene], assigners.build("autoassign", CLASSES)
    with torch.no_grad():
        assigner.sigma.fill_(sigma)
    assert infinite(training_step(assigner, random_predictions(assigner.spec(), batch.images), batch)) == []


@pytest.mark.parametrize("mu", [1e6, -1e6])
def test_a_centre_prior_far_outside_is_finite(mu):
    assigner = assigners.build("autoassign", CLASSES)
    with torch.no_grad():
        assigner.mu.fill_(mu)
    assert infinite(training_step(assigner, random_predictions(assigner.spec(), 2), SCENES["ordinary"])) == []

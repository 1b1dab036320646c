"""What the predictions tell an assigner: box losses, and the objectness that is part of the class probability."""

from dataclasses import replace

import pytest
import torch

import assigners
from assigners.interface import OBJECTNESS
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.predictions import BOX_LOSSES
from experiments.conformance.scenes import random_boxes


@pytest.mark.parametrize("kind", BOX_LOSSES)
def test_every_box_loss_is_0_on_the_object_and_finite_off_it(kind):
    boxes = random_boxes(20, 5, 90)
    flat = torch.cat((boxes[:4, :2], boxes[:4, :2]), 1)
    far = boxes + 500
    predicted = torch.cat((boxes, far, flat)).requires_grad_()
    loss = BOX_LOSSES[kind](predicted, torch.cat((boxes, boxes, boxes[:4])))
    assert loss[:20].detach().tolist() == pytest.approx([0.0] * 20, abs=1e-6) and (loss[20:] > 0.5).all()
    (gradient,) = torch.autograd.grad(loss.sum(), predicted)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(("objectness", "implicit"), [("implicit", True), ("explicit", False)])
def test_objectness_is_a_branch_that_may_be_part_of_the_class_probability(objectness, implicit):
    assigner = assigners.build("autoassign", 3, objectness=objectness)
    assert assigner.spec().branches == (replace(OBJECTNESS, implicit=implicit),)
    config = DetectorConfig("resnet18", "none", "gn", 0, 16, 1)
    preds = Detector(config, assigner).predict(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert (preds.implicit is not None) == implicit

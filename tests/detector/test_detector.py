"""The whole detector: every method trains a step, and controlled mode changes the style of a head alone."""

from dataclasses import replace

import pytest
import torch

import assigners
from detector.config import DetectorConfig
from detector.detector import REFERENCE, Detector, head_spec
from tests.oracles.scenes import loose_objects


@pytest.mark.parametrize("name", assigners.available())
@pytest.mark.parametrize("mode", ["native", "controlled"])
def test_every_method_trains_a_step_on_a_batch_with_an_empty_image(name, mode):
    torch.manual_seed(0)
    config = DetectorConfig("resnet18", "none", "gn", 0, 32, 1, mode)
    model = Detector(config, assigners.build(name, 3))
    batch = replace(loose_objects(3, 1, 3), images=2)
    terms, _ = model(torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8), batch, 0.0)
    sum(terms.values()).backward()
    assert all(torch.isfinite(term) for term in terms.values())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name", assigners.METHODS)
def test_controlled_mode_changes_the_style_alone(name):
    assigner = assigners.build(name, 3)
    native, controlled = head_spec(assigner, "native"), head_spec(assigner, "controlled")
    assert controlled.style == REFERENCE and replace(controlled, style=native.style) == native

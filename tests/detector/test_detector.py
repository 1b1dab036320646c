"""The whole detector: every method trains a step."""

from dataclasses import replace

import pytest
import torch

import assigners
from detector.config import DetectorConfig
from detector.detector import Detector
from experiments.conformance.memory import Bounded
from tests.oracles.scenes import loose_objects


@pytest.mark.parametrize("name", assigners.available())
@pytest.mark.parametrize("mode", ["native", "controlled"])
def test_every_method_trains_a_step_on_a_batch_with_an_empty_image(name, mode):
    torch.manual_seed(0)
    config = DetectorConfig("resnet18", "none", "gn", 0, 32, 1, mode)
    model = Detector(config, assigners.build(name, 3, config.channels))
    batch = replace(loose_objects(3, 1, 3), images=2)
    terms, _ = model(torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8), batch, 0.0)
    sum(terms.values()).backward()
    assert all(torch.isfinite(term) for term in terms.values())
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("norm", ["gn", "frozen_bn"])
def test_recomputation_changes_no_gradient_and_keeps_less(norm):
    images, batch = torch.randint(256, (2, 3, 128, 96), dtype=torch.uint8), replace(loose_objects(3, 1, 3), images=2)
    gradients, kept = [], []
    for recompute in (False, True):
        config = DetectorConfig("resnet18", "none", norm, 1, 64, 3, recompute=recompute)
        model = Detector(config, assigners.build("autoassign", 3))
        with Bounded(10**12) as live:
            loss = sum(model(images, batch, 0.0)[0].values())
            kept.append(live.live)
        loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert kept[1] < 0.7 * kept[0]


def test_caffe_weights_see_bgr_without_their_standard_deviation():
    images = torch.randint(256, (2, 3, 64, 96), dtype=torch.uint8)
    seen = {}
    for style in ("pytorch", "caffe"):
        model = Detector(
            DetectorConfig("resnet50", "none", "gn", 0, 32, 1, width=0.125, style=style), assigners.build("fcos", 3)
        )
        model.backbone.register_forward_pre_hook(lambda _, x, style=style: seen.update({style: x[0]}))
        model.predict(images)
    red, green, blue = images.float().unbind(1)
    bgr = torch.stack((blue - 103.53, green - 116.28, red - 123.675), 1)
    torch.testing.assert_close(seen["caffe"], bgr)
    torch.testing.assert_close(seen["pytorch"][:, 0], (red - 123.675) / 58.395)
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in seen.values())

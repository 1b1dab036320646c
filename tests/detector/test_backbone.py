"""Every backbone gives features of stride 8, 16 and 32, and freezes the stages it is told to."""

import pytest
import torch

import assigners
from detector.backbone import BACKBONES, Backbone
from detector.config import DetectorConfig
from detector.detector import Detector


def shapeless(name: str, norm: str = "gn", frozen_stages: int = 0) -> Backbone:
    """On the meta device: shapes without numbers or memory."""
    with torch.device("meta"):
        return Backbone(name, "none", norm, frozen_stages)


@pytest.mark.parametrize("norm", ["gn", "frozen_bn"])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_entry_gives_features_of_its_widths_at_strides_8_16_32(name, norm):
    backbone = shapeless(name, norm)
    features = backbone(torch.zeros(2, 3, 96, 64, device="meta"))
    assert [tuple(f.shape) for f in features] == [
        (2, width, 96 // stride, 64 // stride) for width, stride in zip(backbone.channels, (8, 16, 32), strict=True)
    ]
    x, sides = torch.zeros(1, 3, 64, 64, device="meta"), []
    for stage in backbone.stages:
        x = stage(x)
        sides.append(x.shape[-1])
    assert sides[1:] == [16, 8, 4, 2] and sides[0] in (32, 16)  # a ResNet's stem ends with its pooling


@pytest.mark.parametrize("frozen", range(6))
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_the_first_stages_are_frozen_and_no_others(name, frozen):
    stages = shapeless(name, frozen_stages=frozen).stages
    learned = [{p.requires_grad for p in stage.parameters()} for stage in stages]
    assert learned == [{False}] * frozen + [{True}] * (5 - frozen)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_entry_names_the_file_of_its_weights(name):
    url = BACKBONES[name].weights_url()
    assert url.startswith("https://download.pytorch.org/models/") and url.endswith(".pth")
    assert name.replace("_64x4d", "") in url.replace("_64x4d", "")


def test_the_largest_backbone_and_the_smallest_give_strides_8_16_32():
    for name in ("resnet50", "mobilenet_v2"):
        config = DetectorConfig(name, "none", "frozen_bn", 2, 32, 1, "native")
        model = Detector(config, assigners.build("atss", 2))
        assert [f.shape[-1] for f in model.backbone(torch.zeros(1, 3, 64, 64))] == [8, 4, 2]
        assert any(not p.requires_grad for p in model.backbone.parameters())

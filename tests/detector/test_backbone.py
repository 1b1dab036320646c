"""Every backbone gives features of stride 8, 16 and 32, and freezes the stages it is told to."""

import pytest
import torch

import assigners
from detector.backbone import BACKBONES, Backbone
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.weights import weights_url


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
    url = weights_url(name, next(iter(BACKBONES[name].published)))
    assert url.startswith("https://download.pytorch.org/models/") and url.endswith(".pth")
    assert name.replace("_64x4d", "") in url.replace("_64x4d", "")


def test_the_largest_backbone_and_the_smallest_give_strides_8_16_32():
    for name in ("resnet50", "mobilenet_v2"):
        config = DetectorConfig(name, "none", "frozen_bn", 2, 32, 1, "native")
        model = Detector(config, assigners.build("atss", 2))
        assert [f.shape[-1] for f in model.backbone(torch.zeros(1, 3, 64, 64))] == [8, 4, 2]
        assert any(not p.requires_grad for p in model.backbone.parameters())


def test_caffe_has_the_stride_in_the_1x1_of_a_resnet_and_in_the_3x3_of_a_resnext():
    strides = {}
    for name in ("resnet50", "resnet101", "resnext101_64x4d"):
        with torch.device("meta"):
            stages = Backbone(name, "none", "frozen_bn", 0, style="caffe").stages
        firsts = [stage[0] for stage in stages[1:]]
        strides[name] = [(block.conv1.stride[0], block.conv2.stride[0]) for block in firsts]
        assert all(block.conv1.stride == block.conv2.stride == (1, 1) for stage in stages[1:] for block in stage[1:])
    assert strides["resnet50"] == strides["resnet101"] == [(1, 1), (2, 1), (2, 1), (2, 1)]
    assert strides["resnext101_64x4d"] == [(1, 1), (1, 2), (1, 2), (1, 2)]


def test_caffe_changes_the_features_and_their_places_not_their_shapes():
    torch.manual_seed(0)
    plain = Backbone("resnet50", "none", "gn", 0, width=0.125)
    torch.manual_seed(0)
    caffe = Backbone("resnet50", "none", "gn", 0, width=0.125, style="caffe")
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), caffe.parameters(), strict=True))
    images = torch.rand(1, 3, 64, 96)
    for a, b in zip(plain(images), caffe(images), strict=True):
        assert a.shape == b.shape and not torch.allclose(a, b)

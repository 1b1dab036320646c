"""Deformable convolution: taps read where offsets say, and untrained it is half the plain network."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, pad

import assigners
from detector.backbone import BACKBONES, DEFORMED, Backbone
from detector.config import DetectorConfig
from detector.dcn import DeformableConv, deform_last, deformable
from detector.detector import Detector
from detector.streams import global_stream

CONFIG = DetectorConfig("resnet18", "none", "gn", 0, 16, 2, width=0.25)
X = torch.rand(2, 8, 12, 14, generator=torch.Generator().manual_seed(0))


def layer(stride: int = 1, groups: int = 2, bias: bool = False) -> tuple[nn.Conv2d, DeformableConv]:
    torch.manual_seed(1)
    plain = nn.Conv2d(8, 6, 3, stride=stride, padding=1, groups=groups, bias=bias)
    return plain, deformable(plain)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_an_untrained_one_is_half_the_plain_one_bias_apart(stride, groups):
    plain, deform = layer(stride, groups, bias=True)
    half = conv2d(X, plain.weight, None, stride, 1, 1, groups) / 2 + plain.bias.view(-1, 1, 1)
    torch.testing.assert_close(deform(X), half)


@pytest.mark.parametrize(("dy", "dx"), [(1, 0), (0, 1), (-1, 2)])
@pytest.mark.parametrize("stride", [1, 2])
def test_an_offset_of_whole_pixels_reads_the_shifted_image(dy, dx, stride):
    """Known answer: masks of 1 and one offset for all taps are the plain convolution of the shifted image."""
    plain, deform = layer(stride)
    with torch.no_grad():
        deform.offset_bias[:18] = torch.tensor([dy, dx]).repeat(9)
        deform.offset_bias[18:] = 100.0  # sigmoid: 1
    wide = pad(X, (4, 4, 4, 4))
    shifted = wide[..., 3 + dy : 3 + dy + 14, 3 + dx : 3 + dx + 16]
    torch.testing.assert_close(deform(X), conv2d(shifted, plain.weight, None, stride, 0, 1, 2))


def test_each_tap_has_an_offset_and_a_mask_of_its_own():
    """The last tap alone, moved half a pixel to the right: the mean of two neighbours."""
    plain, deform = layer(groups=1)
    with torch.no_grad():
        deform.offset_bias[17] = 0.5
        deform.offset_bias[18:26], deform.offset_bias[26] = -100.0, 100.0
    wide = pad(X, (1, 2, 1, 1))[..., 2:, :]
    between = (wide[..., 2:-1] + wide[..., 3:]) / 2
    torch.testing.assert_close(deform(X), torch.einsum("oc,bcyx->boyx", plain.weight[..., 2, 2], between))


def test_offsets_and_masks_depend_on_the_features_and_learn():
    _, deform = layer()
    deform(X).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in (deform.offset_weight, deform.offset_bias, deform.weight))
    assert not deform.offset_weight.any() and not deform.offset_bias.any()
    with torch.no_grad():
        deform.offset_weight.normal_(generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(deform(X), layer()[1](X))


def test_it_is_float32_under_autocast():
    """The offsets, too: rounded to bfloat16 they miss a pixel of about 10 by up to a 32nd."""
    _, deform = layer()
    with torch.no_grad():
        deform.offset_weight.normal_(generator=torch.Generator().manual_seed(0))
    expected = deform(X.bfloat16().float())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(deform(X.bfloat16()), expected)


@pytest.mark.parametrize("dcn", ["c3-c5", "c4-c5"])
@pytest.mark.parametrize("name", ["resnet18", "resnext50_32x4d"])
def test_an_untrained_backbone_is_the_plain_one_up_to_the_factor_of_the_masks(name, dcn):
    torch.manual_seed(0)
    plain = Backbone(name, "none", "gn", 0, width=0.25)
    torch.manual_seed(0)
    deformed = Backbone(name, "none", "gn", 0, width=0.25, dcn=dcn)
    equal = deformed.state_dict()
    assert all(torch.equal(x, equal[key]) for key, x in plain.state_dict().items())
    assert {key.split(".")[1] for key in equal if "offset" in key} == {str(rank) for rank in DEFORMED[dcn]}
    with torch.no_grad():
        for rank in DEFORMED[dcn]:
            for block in plain.stages[rank]:
                block.conv2.weight /= 2
    images = torch.rand(1, 3, 64, 96)
    for a, b in zip(plain(images), deformed(images), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_every_block_of_the_stages_is_deformed_and_no_other():
    with torch.device("meta"):
        backbone = Backbone("resnext101_64x4d", "none", "frozen_bn", 2, dcn="c4-c5")
    kinds = [[isinstance(block.conv2, DeformableConv) for block in stage] for stage in backbone.stages[1:]]
    assert kinds == [[False] * 3, [False] * 4, [True] * 23, [True] * 3]
    assert [b.conv2.groups for b in backbone.stages[4]] == [64] * 3
    assert [b.conv2.stride[0] for b in backbone.stages[4]] == [2, 1, 1]


@pytest.mark.parametrize("name", assigners.available())
def test_every_method_trains_with_deformable_towers(name):
    """The other weights are as without; the towers' last convolutions start as half of theirs."""
    with global_stream(0, "dcn"):
        assigner = assigners.build(name, 3, CONFIG.channels)
    plain, model = (
        Detector(replace(CONFIG, dcn_tower=on, dcn="c4-c5" if on else "none"), deepcopy(assigner))
        for on in (False, True)
    )
    given = model.state_dict()
    assert all(torch.equal(x, given[key]) for key, x in plain.state_dict().items())
    added = {key.rpartition(".")[0] for key in given.keys() - plain.state_dict().keys() if key.startswith("head")}
    last = "head.{}_tower.{}"
    ends = {last.format(tower, len(model.head.class_tower) // 2) for tower in ("class", "box")}
    assert added == ends
    preds = model.predict(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    sum(x.sum() for x in (preds.logits, preds.deltas, *preds.branches.values())).backward()
    deforms = [m for m in model.modules() if isinstance(m, DeformableConv)]
    assert len(deforms) == 6 and all(m.offset_weight.grad is not None for m in deforms)


def test_the_last_convolution_of_a_tower_is_the_one():
    tower = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.GroupNorm(2, 8), nn.ReLU())
    deform_last(tower)
    assert [type(m) for m in tower] == [nn.Conv2d, nn.ReLU, DeformableConv, nn.GroupNorm, nn.ReLU]


def test_what_a_backbone_can_deform():
    assert {name for name, a in BACKBONES.items() if a.dcn == ("none",)} == {"mobilenet_v2"}

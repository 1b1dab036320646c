"""A backbone with a share of its channels keeps its depth and strides."""

import pytest
import torch

from detector.backbone import BACKBONES, Backbone


def shapeless(name: str, norm: str, width: float) -> Backbone:
    """On the meta device: shapes without numbers or memory."""
    with torch.device("meta"):
        return Backbone(name, "none", norm, 0, width=width)


@pytest.mark.parametrize("norm", ["gn", "frozen_bn"])
@pytest.mark.parametrize("width", [0.5, 0.25, 0.01])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_can_be_narrow(name, width, norm):
    backbone, full = shapeless(name, norm, width), shapeless(name, norm, 1.0)
    features = backbone(torch.zeros(2, 3, 96, 64, device="meta"))
    assert [tuple(f.shape) for f in features] == [
        (2, channels, 96 // stride, 64 // stride)
        for channels, stride in zip(backbone.channels, (8, 16, 32), strict=True)
    ]
    assert [len(list(stage.modules())) for stage in backbone.stages] == [len(list(s.modules())) for s in full.stages]
    assert all(a < b for a, b in zip(backbone.channels, full.channels, strict=True))


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101"])
def test_each_stage_of_a_resnet_has_its_share_of_the_channels(name):
    for width in (0.5, 0.25):
        narrow, full = (shapeless(name, "gn", share) for share in (width, 1.0))
        pairs = zip(narrow.state_dict().values(), full.state_dict().values(), strict=True)
        for few, many in pairs:
            assert [a / b for a, b in zip(few.shape, many.shape, strict=True)] in (
                [width, width, 1, 1], [width, 1, 1, 1], [width],
            )  # fmt: skip


def test_the_numbers_at_the_start_are_drawn_as_those_of_the_full_width():
    """Kaiming's: standard deviation sqrt(2 / fan out) of each convolution, the stem included."""
    torch.manual_seed(0)
    convs = [m for m in Backbone("resnet18", "none", "gn", 0, width=0.5).modules() if isinstance(m, torch.nn.Conv2d)]
    for conv in convs:
        expected = (2 / (conv.out_channels * conv.kernel_size[0] ** 2)) ** 0.5
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.1)
    assert len(convs) == 20 and convs[0].out_channels == 32


def test_at_full_width_the_network_is_torchvisions_own():
    from torchvision.models import resnet18

    torch.manual_seed(0)
    own = Backbone("resnet18", "none", "gn", 0).stages.state_dict().values()
    torch.manual_seed(0)
    theirs = resnet18(norm_layer=lambda channels: torch.nn.GroupNorm(8, channels)).state_dict()
    kept = [x for name, x in theirs.items() if not name.startswith("fc.")]
    assert all(torch.equal(a, b) for a, b in zip(own, kept, strict=True))

"""Backbones by name, each cut into the stages of stride 2, 4, 8, 16 and 32. One entry of BACKBONES is a backbone.

torchvision is imported where a network is built: a recipe only wants the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

from torch import Tensor, nn

from detector.recompute import apply
from detector.weights import NONE, SETS, fill, is_file, published_state

GROUPS = 8  # of GroupNorm; they divide MobileNetV2's widths, too
MOBILENET_STAGES = (2, 4, 7, 14, 18)  # ends of the stages of stride 2, 4, 8, 16, 32 in `features`; without the last 1x1

OLD, NEW = "the old training recipe", "the new long training recipe"  # of torchvision's sets, by their `meta`

Style = Literal["pytorch", "caffe"]
Dcn = Literal["none", "c3-c5", "c4-c5"]
DEFORMED: dict[Dcn, tuple[int, ...]] = {"none": (), "c3-c5": (2, 3, 4), "c4-c5": (3, 4)}  # ranks of stages
Stages = Callable[[nn.Module], list[nn.Module]]
Narrow = Callable[[str, float, Callable[[int], nn.Module]], nn.Module]  # (name, width, norm layer) -> network


@dataclass(frozen=True)
class Architecture:
    """How a backbone is made, and what it can be asked for."""

    build: Callable[[str, float], nn.Module]  # (norm, width) of DetectorConfig -> network without weights
    stages: Stages  # network -> five modules, applied in turn
    published: Mapping[str, str]  # word of weights -> the training recipe of that set
    styles: tuple[Style, ...] = ("pytorch",)
    dcn: tuple[Dcn, ...] = ("none",)


class Backbone(nn.Module):
    """Images (B, 3, H, W) -> C3, C4, C5 at strides 8, 16, 32. `channels` are their widths."""

    def __init__(
        self,
        name: str,
        weights: str,
        norm: str,
        frozen_stages: int,
        recompute: bool = False,
        width: float = 1.0,
        style: Style = "pytorch",
        dcn: Dcn = "none",
        state: Mapping[str, Tensor] = MappingProxyType({}),
    ):
        """As the fields of DetectorConfig; state: tensors of weights that are a file.

        Raises OSError where torchvision's weights lack, WeightsError where a file's do not fit.
        """
        super().__init__()
        architecture = BACKBONES[name]
        net = architecture.build(norm, width)
        if weights != NONE:
            fill(net, state if is_file(weights) else published_state(name, weights))
        if style == "caffe":
            _stride_first(net)
        for rank in DEFORMED[dcn]:
            _deform(architecture.stages(net)[rank])
        _fold_norms(net)
        self.stages = nn.ModuleList(architecture.stages(net))
        for stage in self.stages[:frozen_stages]:
            stage.requires_grad_(False)
        self.recompute = recompute
        self.channels = [_width(stage) for stage in self.stages[2:]]

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            x = apply(stage, x, self.recompute)
            features.append(x)
        return features[2:]


def weights_words(name: str, weights: str) -> str:
    """What a backbone starts from, and how that was trained; not of a file, of which nothing is known."""
    return f"torchvision {SETS[weights]}, {BACKBONES[name].published[weights]}" if weights != NONE else "none"


def _build(name: str, narrow: Narrow, norm: str, width: float) -> nn.Module:
    from torchvision.models import get_model

    from detector.frozen_norm import FrozenNorm

    norms = {"frozen_bn": FrozenNorm, "gn": partial(nn.GroupNorm, GROUPS)}
    if width < 1:
        return narrow(name, width, norms[norm])
    return get_model(name, weights=None, norm_layer=norms[norm])


def _fold_norms(net: nn.Module) -> None:
    from detector.frozen_norm import fold

    fold(net)


def _stride_first(net: nn.Module) -> None:
    """The stride of a bottleneck goes to its first 1x1 convolution, as in MSRA's ResNets; FAIR's ResNeXt keeps it."""
    for stage in (net.layer2, net.layer3, net.layer4):
        block = stage[0]
        if block.conv2.groups == 1:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride


def _deform(stage: nn.Module) -> None:
    """The second convolution of each block, 3x3, becomes deformable: of a bottleneck as in cvpods."""
    from detector.dcn import deformable

    for block in stage:
        block.conv2 = deformable(block.conv2)


def _narrow_resnet(name: str, width: float, norm_layer: Callable[[int], nn.Module]) -> nn.Module:
    from detector.narrow import NarrowResNet

    return NarrowResNet(name, width, norm_layer)


def _narrow_mobilenet(name: str, width: float, norm_layer: Callable[[int], nn.Module]) -> nn.Module:
    from torchvision.models import get_model

    return get_model(name, weights=None, norm_layer=norm_layer, width_mult=width)


def _resnet_stages(net: nn.Module) -> list[nn.Module]:
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    return [stem, net.layer1, net.layer2, net.layer3, net.layer4]


def _mobilenet_stages(net: nn.Module) -> list[nn.Module]:
    ends = (0, *MOBILENET_STAGES)
    return [net.features[a:b] for a, b in pairwise(ends)]


def _width(stage: nn.Module) -> int:
    return [m.out_channels for m in stage.modules() if isinstance(m, nn.Conv2d)][-1]


def _resnet(name: str, styles: tuple[Style, ...], *recipes: str) -> Architecture:
    """recipes: of torchvision's sets of weights, in the order of SETS."""
    published = dict(zip(SETS, recipes, strict=False))
    return Architecture(partial(_build, name, _narrow_resnet), _resnet_stages, published, styles, tuple(DEFORMED))


BASIC: tuple[Style, ...] = ("pytorch",)  # of blocks without a 1x1 convolution
BOTTLENECK: tuple[Style, ...] = ("pytorch", "caffe")
BACKBONES = {
    "resnet18": _resnet("resnet18", BASIC, OLD),
    "resnet34": _resnet("resnet34", BASIC, OLD),
    "resnet50": _resnet("resnet50", BOTTLENECK, OLD, NEW),
    "resnet101": _resnet("resnet101", BOTTLENECK, OLD, NEW),
    "resnext50_32x4d": _resnet("resnext50_32x4d", BOTTLENECK, OLD, NEW),
    "resnext101_64x4d": _resnet("resnext101_64x4d", BOTTLENECK, NEW),
    "mobilenet_v2": Architecture(
        partial(_build, "mobilenet_v2", _narrow_mobilenet), _mobilenet_stages, dict(zip(SETS, (OLD, NEW), strict=True))
    ),
}

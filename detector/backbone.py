"""torchvision's ResNets, ResNeXt and MobileNetV2, cut into C3, C4 and C5."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights
from torchvision.ops import FrozenBatchNorm2d

NORMS = {"frozen_bn": FrozenBatchNorm2d, "gn": partial(nn.GroupNorm, 8)}  # 8 groups divide MobileNetV2's widths, too
MOBILENET_STAGES = (2, 4, 7, 14, 18)  # ends of the stages of stride 2, 4, 8, 16, 32 in `features`; without the last 1x1


class Backbone(nn.Module):
    """Images (B, 3, H, W) -> C3, C4, C5 at strides 8, 16, 32. `channels` are their widths."""

    def __init__(self, name: str, weights: str, norm: str, frozen_stages: int):
        """weights: imagenet (torchvision's first set, from its cache) or none. Raises OSError where it lacks."""
        super().__init__()
        chosen = get_model_weights(name).IMAGENET1K_V1 if weights == "imagenet" else None
        net = get_model(name, weights=chosen, norm_layer=NORMS[norm])
        self.stages = nn.ModuleList(_resnet_stages(net) if name.startswith("resne") else _mobilenet_stages(net))
        for stage in self.stages[:frozen_stages]:
            stage.requires_grad_(False)
        self.channels = [_width(stage) for stage in self.stages[2:]]

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features[2:]


def _resnet_stages(net: nn.Module) -> list[nn.Module]:
    stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
    return [stem, net.layer1, net.layer2, net.layer3, net.layer4]


def _mobilenet_stages(net: nn.Module) -> list[nn.Module]:
    ends = (0, *MOBILENET_STAGES)
    return [net.features[a:b] for a, b in pairwise(ends)]


def _width(stage: nn.Module) -> int:
    return [m.out_channels for m in stage.modules() if isinstance(m, nn.Conv2d)][-1]

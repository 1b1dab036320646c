"""Backbones by name, each cut into the stages of stride 2, 4, 8, 16 and 32. One entry of BACKBONES is a backbone.

torchvision is imported where a network is built: a recipe only wants the names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from detector.recompute import apply

GROUPS = 8  # of GroupNorm; they divide MobileNetV2's widths, too
MOBILENET_STAGES = (2, 4, 7, 14, 18)  # ends of the stages of stride 2, 4, 8, 16, 32 in `features`; without the last 1x1

Stages = Callable[[nn.Module], list[nn.Module]]
Narrow = Callable[[str, float, Callable[[int], nn.Module]], nn.Module]  # (name, width, norm layer) -> network


@dataclass(frozen=True)
class Architecture:
    """How a backbone is made."""

    build: Callable[[str, str, float], nn.Module]  # (weights, norm, width) of DetectorConfig; OSError without weights
    stages: Stages  # network -> five modules, applied in turn
    weights_url: Callable[[], str] = lambda: ""  # of the file that weights=imagenet loads; "": there is none


class Backbone(nn.Module):
    """Images (B, 3, H, W) -> C3, C4, C5 at strides 8, 16, 32. `channels` are their widths."""

    def __init__(
        self, name: str, weights: str, norm: str, frozen_stages: int, recompute: bool = False, width: float = 1.0
    ):
        """weights: imagenet (torchvision's first set, from its cache) or none. Raises OSError where it lacks."""
        super().__init__()
        architecture = BACKBONES[name]
        self.stages = nn.ModuleList(architecture.stages(architecture.build(weights, norm, width)))
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


def _torchvision(name: str, stages: Stages, narrow: Narrow) -> Architecture:
    """A model of torchvision's, with its first set of ImageNet weights."""
    return Architecture(partial(_build, name, narrow), stages, lambda: _first_weights(name).url)


def _build(name: str, narrow: Narrow, weights: str, norm: str, width: float) -> nn.Module:
    from torchvision.models import get_model

    from detector.frozen_norm import FrozenNorm

    norms = {"frozen_bn": FrozenNorm, "gn": partial(nn.GroupNorm, GROUPS)}
    if width < 1:
        return narrow(name, width, norms[norm])
    if weights != "imagenet":
        return get_model(name, weights=None, norm_layer=norms[norm])
    try:
        return get_model(name, weights=_first_weights(name), norm_layer=norms[norm])
    except OSError:
        raise
    except Exception as error:  # torch has a class for each way in which a file is damaged
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise OSError(f"its file does not load, {reason}") from None


def _first_weights(name: str):
    from torchvision.models import get_model_weights

    return get_model_weights(name).IMAGENET1K_V1


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


BACKBONES = {
    "resnet18": _torchvision("resnet18", _resnet_stages, _narrow_resnet),
    "resnet34": _torchvision("resnet34", _resnet_stages, _narrow_resnet),
    "resnet50": _torchvision("resnet50", _resnet_stages, _narrow_resnet),
    "resnet101": _torchvision("resnet101", _resnet_stages, _narrow_resnet),
    "resnext101_64x4d": _torchvision("resnext101_64x4d", _resnet_stages, _narrow_resnet),
    "mobilenet_v2": _torchvision("mobilenet_v2", _mobilenet_stages, _narrow_mobilenet),
}

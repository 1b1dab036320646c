"""torchvision's ResNets with a share of their channels, at the same depth. It imports torchvision: see backbone.py."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torchvision.models import ResNet, get_model

STEP = 8  # channels: a stage has a multiple of it, so that the groups of GroupNorm divide it
BASE = 64  # channels that torchvision's blocks count by


class NarrowResNet(ResNet):
    """Each stage has the share `width` of the channels that torchvision gives it, rounded to a multiple of STEP."""

    def __init__(self, name: str, width: float, norm_layer: Callable[[int], nn.Module]):
        """name: of torchvision's ResNet or ResNeXt."""
        with torch.device("meta"):
            full = get_model(name, weights=None)
        self.share, self.step = width, max(STEP, BASE // full.base_width)
        depths = [len(stage) for stage in (full.layer1, full.layer2, full.layer3, full.layer4)]
        words = {"groups": full.groups, "width_per_group": full.base_width, "norm_layer": norm_layer}
        super().__init__(type(full.layer1[0]), depths, num_classes=1, **words)
        self.conv1 = nn.Conv2d(3, self._narrow(BASE), kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = norm_layer(self._narrow(BASE))
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")  # as ResNet's own

    def _make_layer(self, block: type[nn.Module], planes: int, *depth: int, **words) -> nn.Sequential:
        if not hasattr(self, "layer1"):
            self.inplanes = self._narrow(BASE)  # of the stem
        return super()._make_layer(block, self._narrow(planes), *depth, **words)

    def _narrow(self, channels: int) -> int:
        return max(self.step, self.step * round(self.share * channels / self.step))

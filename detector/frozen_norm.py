"""Batch normalisation with the statistics of the pretraining, folded into the convolution before it.

Both are linear, so one convolution with scaled weights is both: the norm costs no pass over a feature map, forward or
backward. It imports torchvision: see backbone.py.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torchvision.ops import FrozenBatchNorm2d


class FrozenNorm(FrozenBatchNorm2d):
    """torchvision's, which goes through its output twice: a product, then a sum."""

    def affine(self) -> tuple[Tensor, Tensor]:
        """Scale and shift, (C,) each."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return scale, self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), of the same shape and memory format."""
        scale, shift = (v.view(1, -1, 1, 1) for v in self.affine())
        return torch.addcmul(shift, x, scale)


class FoldedNorm(FrozenNorm):
    """Its convolution has done its work. It keeps the statistics, under their published names."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class FoldedConv(nn.Conv2d):
    """A convolution without bias, and the frozen norm behind it. It learns its own weight, unscaled."""

    def __init__(self, conv: nn.Conv2d, norm: FoldedNorm):
        shape = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation)
        super().__init__(*shape, conv.groups, bias=False, device="meta")  # nothing is drawn for it
        self.weight = conv.weight
        self.behind = (norm,)  # a tuple: the norm is the network's module, not this one's

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.behind[0].affine()
        return self._conv_forward(x, self.weight * scale.view(-1, 1, 1, 1), shift)


def fold(net: nn.Module) -> None:
    """Each plain convolution takes over the frozen norm that follows it. Others (DCN) leave theirs as it is."""
    for parent in net.modules():
        for (conv_name, conv), (norm_name, norm) in pairwise(list(parent.named_children())):
            if type(conv) is nn.Conv2d and type(norm) is FrozenNorm:
                folded = FoldedNorm(len(norm.weight), norm.eps)
                folded.load_state_dict(norm.state_dict())
                setattr(parent, norm_name, folded)
                setattr(parent, conv_name, FoldedConv(conv, folded))

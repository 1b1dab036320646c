"""Modulated deformable convolution, DCN v2: each tap reads where an offset says, times a mask. Zhu et al. 2019.

It imports torchvision: see backbone.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torchvision.ops import deform_conv2d

from detector.precision import full_precision


class DeformableConv(nn.Conv2d):
    """A convolution whose taps move, one deformable group; its weight and bias are those of the plain one.

    Offsets start at 0 and masks at sigmoid(0) = 0.5, so it starts as half the plain convolution, bias apart (cvpods).
    """

    def __init__(self, *args, **words):
        """As Conv2d."""
        super().__init__(*args, **words)
        self.taps = self.kernel_size[0] * self.kernel_size[1]
        outputs = 3 * self.taps  # dy and dx of each tap in turn, then the masks
        self.offset_weight = nn.Parameter(torch.zeros(outputs, self.in_channels, *self.kernel_size))
        self.offset_bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """As Conv2d, in float32 under autocast, too: an offset of 10 px in bfloat16 has steps of 1/16 px.

        And on a CPU torchvision's operator has no bfloat16.
        """
        shape = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        with full_precision(x.device):
            x = x.float()
            predicted = conv2d(x, self.offset_weight, self.offset_bias, **shape)
            offset, mask = predicted.split((2 * self.taps, self.taps), 1)
            return deform_conv2d(x, offset, self.weight, self.bias, mask=mask.sigmoid(), **shape)


def deformable(conv: nn.Conv2d) -> DeformableConv:
    """The same convolution with taps that move; it takes over weight and bias."""
    deform = DeformableConv(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    deform.weight, deform.bias = conv.weight, conv.bias
    return deform


def deform_last(tower: nn.Sequential) -> None:
    """The last convolution of a tower becomes deformable."""
    last = max(i for i, layer in enumerate(tower) if isinstance(layer, nn.Conv2d))
    tower[last] = deformable(tower[last])

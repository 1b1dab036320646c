"""Batch normalisation with the statistics of the pretraining, in one pass. It imports torchvision: see backbone.py."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import FrozenBatchNorm2d


class FrozenNorm(FrozenBatchNorm2d):
    """torchvision's, which goes through its output twice: a product, then a sum."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), of the same shape and memory format."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return torch.addcmul(shift.view(1, -1, 1, 1), x, scale.view(1, -1, 1, 1))

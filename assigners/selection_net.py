"""The meta-selection net of SAPD: which levels of the pyramid suit an object, from its features on all of them."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.ops import roi_align

from assigners.interface import Grid, Objects

SIDE = 7  # of a region's features; three unpadded convolutions leave one cell
SAMPLES = 2  # a cell and axis, of RoIAlign
BLOCK = 64  # objects at a time, computed again for their gradient; memory, not results


class SelectionNet(nn.Module):
    """Features of the pyramid, each `channels` wide, to one logit a level for each object."""

    def __init__(self, channels: int, levels: int):
        super().__init__()
        widths = (levels * channels, channels, channels, channels)
        convs = [nn.Conv2d(a, b, 3) for a, b in pairwise(widths)]
        self.layers = nn.Sequential(*(layer for conv in convs for layer in (conv, nn.ReLU())), nn.Flatten())
        self.logits = nn.Linear(channels, levels)
        for layer in (*convs, self.logits):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, grid: Grid, pyramid: tuple[Tensor, ...], objects: Objects) -> Tensor:
        """Features (B, channels, height, width) of each level -> (N, L) logits."""
        strides = [level.stride for level in grid.levels]
        rois = torch.cat((objects.image[:, None].to(objects.boxes.dtype), objects.boxes), 1)
        again = partial(checkpoint, self._of, strides, use_reentrant=False, preserve_rng_state=False)
        return torch.cat([again(block, *pyramid) for block in rois.split(BLOCK)])

    def _of(self, strides: list[int], rois: Tensor, *pyramid: Tensor) -> Tensor:
        """rois (n, 5): image and box px -> (n, L)."""
        levels = [
            roi_align(feature, rois, SIDE, 1 / stride, SAMPLES, aligned=True)
            for feature, stride in zip(pyramid, strides, strict=True)
        ]
        return self.logits(self.layers(torch.cat(levels, 1)))

"""A view of an image in evaluation: how it is resized, and which of its boxes count."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from experiments.data import transforms


@dataclass(frozen=True)
class View:
    """Sides are in pixels after resizing."""

    short: int
    long: int  # cap of the longer side
    flipped: bool = False  # left to right
    least: float = 0.0  # px: boxes with a larger root of their area count
    most: float = 0.0  # px: and with a smaller one; 0: whatever
    through: tuple[int, int] | None = None  # shorter and longer side of an image on the way, that is resized again

    def resized(self, image: Tensor) -> tuple[Tensor, float]:
        """(3, H, W) uint8, not flipped yet. Also the scale."""
        if self.through is None:
            return transforms.resize(image, self.short, self.long)
        image, scale = transforms.resize(image, *self.through)
        size, again = transforms.fitted(image, self.short, self.long)
        pixels = interpolate(image[None].float(), size, mode="bilinear", align_corners=True)[0]
        return pixels.round().to(torch.uint8), scale * again

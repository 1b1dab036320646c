"""Image and boxes on their way into a batch: resize, flip, padding; uint8 throughout."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

MULTIPLE = 32  # pixels, of a batch's sides: the stride of C5


def resize(image: Tensor, short: int, long: int) -> tuple[Tensor, float]:
    """(3, H, W): the shorter side becomes `short` unless the longer one would pass `long`. Also the scale."""
    height, width = image.shape[1:]
    scale = min(short / min(height, width), long / max(height, width))
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    return functional.resize(image, size, antialias=True), scale


def flip(image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Left to right; boxes (n, 4) px of this image."""
    width = image.shape[2]
    return image.flip(2), torch.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), 1)


def stack(images: list[Tensor]) -> Tensor:
    """(B, 3, H, W), padded with 0 at the right and the bottom to one size, a multiple of 32."""
    height, width = (-(-max(image.shape[axis] for image in images) // MULTIPLE) * MULTIPLE for axis in (1, 2))
    batch = torch.zeros(len(images), 3, height, width, dtype=torch.uint8)
    for place, image in zip(batch, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    return batch

"""Image and boxes on their way into a batch: crop, resize, colours, flip, padding; uint8 between the steps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

MULTIPLE = 32  # pixels, of a batch's sides: the stride of C5
LUMA = (0.299, 0.587, 0.114)  # grey from red, green, blue: ITU-R 601


def resize(image: Tensor, short: int, long: int) -> tuple[Tensor, float]:
    """(3, H, W): the shorter side becomes `short` unless the longer one would pass `long`. Also the scale."""
    size, scale = fitted(image, short, long)
    return functional.resize(image, size, antialias=True), scale


def fitted(image: Tensor, short: int, long: int) -> tuple[list[int], float]:
    """Height and width to which `resize` brings an image (3, H, W), and the scale."""
    height, width = image.shape[1:]
    scale = min(short / min(height, width), long / max(height, width))
    return [max(1, round(height * scale)), max(1, round(width * scale))], scale


def flip(image: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Left to right; boxes (n, 4) px of this image."""
    width = image.shape[2]
    return image.flip(2), torch.stack((width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]), 1)


def random_window(
    boxes: np.ndarray, height: int, width: int, least: float, rng: np.random.Generator
) -> tuple[int, ...]:
    """x1 y1 x2 y2 of a random crop of least..1 of each side that holds the centre of one of the boxes (n, 4), px.

    cvpods, RandomCropWithInstance with relative_range; without boxes the crop lies anywhere.
    """
    sides = np.array([width, height])
    size = np.maximum(1, (sides * (least + rng.random(2) * (1 - least)) + 0.5).astype(int))
    low, high = np.zeros(2), sides - size
    if len(boxes):
        box = boxes[rng.integers(len(boxes))].astype(np.float64)
        centre = (box[:2] + box[2:]) / 2
        low, high = np.maximum(np.ceil(centre - size), 0), np.minimum(high, np.floor(centre))
    corner = rng.integers(low.astype(int), high.astype(int) + 1)
    return (*corner.tolist(), *(corner + size).tolist())


def crop(image: Tensor, boxes: Tensor, window: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The window x1 y1 x2 y2 of the image, the boxes cut to it, and which of them (n,) have an area left."""
    x1, y1, x2, y2 = window
    limit = boxes.new_tensor([x2 - x1, y2 - y1] * 2)
    boxes = (boxes - boxes.new_tensor([x1, y1, x1, y1])).clamp(min=0).minimum(limit)
    return image[:, y1:y2, x1:x2], boxes, (boxes[:, 2:] > boxes[:, :2]).all(1)


def colours(image: Tensor, strength: float, rng: np.random.Generator) -> Tensor:
    """(3, H, W) uint8: brightness, contrast and saturation by 1 - strength..1 + strength each, in random order.

    cvpods' WIDER FACE configuration at 0.4. Its fourth part, lighting of 0.1, adds numbers meant for 0..1 to 0..255:
    under a tenth of a grey level, so there is no such part here.
    """
    image = image.float()
    for kind in rng.permutation(3).tolist():
        if kind == 0:
            base = torch.zeros(())
        elif kind == 1:
            base = image.mean()
        else:
            base = torch.tensordot(torch.tensor(LUMA), image, 1)
        image = torch.lerp(base.expand_as(image), image, float(rng.uniform(1 - strength, 1 + strength))).clamp_(0, 255)
    return image.to(torch.uint8)


def padded_side(side: int) -> int:
    """Pixels of a batch's side that holds an image's side."""
    return -(-side // MULTIPLE) * MULTIPLE


def stack(images: list[Tensor]) -> Tensor:
    """(B, 3, H, W), padded with 0 at the right and the bottom to one size, a multiple of 32."""
    height, width = (padded_side(max(image.shape[axis] for image in images)) for axis in (1, 2))
    batch = torch.zeros(len(images), height, width, 3, dtype=torch.uint8).permute(0, 3, 1, 2)  # as images and model are
    for row, image in zip(batch, images, strict=True):
        row[:, : image.shape[1], : image.shape[2]] = image
    return batch

"""Random numbers that follow from the step and the image, not from a generator's state or a place in the batch."""

from __future__ import annotations

from struct import pack, unpack

import torch
from torch import Tensor

from assigners.interface import Objects

GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # of splitmix64: the step between two counters
FACTORS = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64), (31, 1))  # its three rounds
POSITIVE = 2**63 - 1


def draws(progress: float, objects: Objects, priors: int) -> Tensor:
    """(B, priors) int64 >= 0, as good as random: one for each prior of each image.

    The step is known by the progress of the training, an image by the sum over its boxes, whose order is no matter.
    So a run that is resumed, cut into parts or spread over processes draws the same.
    """
    corners = (objects.boxes + 0.0).view(torch.int32).long()  # bits; 0.0 for -0.0
    box = torch.zeros_like(objects.image)
    for column in corners.unbind(1):
        box = mixed(box + column)
    image = box.new_zeros(objects.images).index_add(0, objects.image, box)
    (step,) = unpack("<q", pack("<d", progress))
    counter = torch.arange(priors, device=box.device) * GOLDEN
    return mixed(mixed(image + step)[:, None] + counter) & POSITIVE


def mixed(x: Tensor) -> Tensor:
    """int64 -> int64, one to one: the finaliser of splitmix64. Steele et al. 2014."""
    for shift, factor in FACTORS:
        x = (x ^ ((x >> shift) & (2 ** (64 - shift) - 1))) * factor  # int64 shifts the sign in
    return x

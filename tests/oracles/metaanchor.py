"""Oracle of MetaAnchor's reconstruction: RetinaNet's assignment; and the generated layers, anchor by anchor."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from assigners.interface import Grid, HeadSpec, Objects
from tests.oracles import retinanet
from tests.oracles.common import Raw, Result


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """Matching and losses are RetinaNet's; unverified."""
    return retinanet.oracle(grid, objects, raw, implicit)


def generated(spec: HeadSpec, x: Tensor, theta: Tensor, bias: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """theta_b = theta* + W2 relu(W1 b), b = log of the prior's width and height to the base square; methods.md 30.

    x (B, C, height, width) -> (B, A c, height, width), anchors in the order of the grid: ratio by ratio.
    """
    maps = []
    for ratio in spec.ratios:
        for scale in spec.scales:
            b = torch.tensor([math.log(scale / math.sqrt(ratio)), math.log(scale * math.sqrt(ratio))], dtype=x.dtype)
            residual = torch.stack([row @ (w1 @ b).clamp(min=0) for row in w2])
            weight = theta + residual[: theta.numel()].view(theta.shape)
            maps.append(conv2d(x, weight, bias + residual[theta.numel() :], padding=1))
    return torch.cat(maps, 1)

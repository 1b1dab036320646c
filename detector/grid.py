"""The grid of priors that a head asks for, at one input size."""

from __future__ import annotations

from functools import lru_cache

import torch

from assigners.geometry import prior_shapes
from assigners.interface import Grid, HeadSpec, Level


@lru_cache(maxsize=64)
def make_grid(spec: HeadSpec, sizes: tuple[tuple[int, int, int], ...], device: torch.device | str = "cpu") -> Grid:
    """sizes: (stride px, height, width in cells) of each level, finest first."""
    shapes = prior_shapes(spec.scales, spec.ratios, spec.base)  # (A, 2) strides
    levels, centers, strides, start = [], [], [], 0
    for stride, height, columns in sizes:
        y, x = torch.meshgrid(torch.arange(height), torch.arange(columns), indexing="ij")
        cell = (torch.stack((x, y), -1).view(-1, 2) + spec.style.offset) * stride
        centers.append(cell.repeat_interleave(len(shapes), 0))
        strides.append(torch.full((len(centers[-1]),), float(stride)))
        levels.append(Level(start, start + len(centers[-1]), stride, height, columns))
        start = levels[-1].stop
    middle, step = torch.cat(centers), torch.cat(strides)
    half = shapes.repeat(len(middle) // len(shapes), 1) * step[:, None] / 2
    boxes = torch.cat((middle - half, middle + half), 1)
    return Grid(
        *(x.to(device, non_blocking=True) for x in (boxes, middle, step)), tuple(levels), shapes, spec.style.offset
    )

"""The level on which an object is learned most easily, for methods that choose it by the loss. FSAF, SAPD."""

from __future__ import annotations

import torch
from torch import Tensor

from assigners.interface import Grid
from assigners.pairs import segment_sum


def level_of(grid: Grid, loc: Tensor) -> Tensor:
    """(M,) -> (M,) number of the level of each prior, 0 for the finest."""
    stops = torch.tensor([level.stop for level in grid.levels]).to(loc.device, non_blocking=True)
    return torch.searchsorted(stops, loc % grid.size, right=True)


@torch.no_grad()
def easiest(grid: Grid, loc: Tensor, gt: Tensor, cost: Tensor, counted: Tensor, n: int) -> Tensor:
    """(n,) for each object the level whose `counted` (M,) pairs have the least mean `cost` (M,); ties: the finest.

    A level without a counted pair is never it, as long as another has one.
    """
    segment = gt * len(grid.levels) + level_of(grid, loc)
    size = n * len(grid.levels)
    total = segment_sum(cost.double() * counted, segment, size)  # float64: the choice is a comparison
    count = segment_sum(counted.double(), segment, size)
    mean = (total / count).masked_fill(count == 0, torch.inf)
    return mean.view(n, len(grid.levels)).argmin(1)

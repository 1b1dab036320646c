"""Pairs of priors and objects, enumerated from the regular grid and never tested one by one.

Every function is batch-flat: letters as in interface.py, L levels, A priors of a cell. Selection carries no gradient.
How many pairs there are follows from boxes and grid. So the enumerating functions take boxes of `Objects.on_host`, know
all counts without a wait for the device, and give pairs on the device of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from assigners.geometry import center, iou
from assigners.interface import Grid, Objects, Predictions

LOW_32 = 2**32 - 1


def read(*columns: Tensor) -> tuple[Tensor, ...]:
    """int64 tensors of any shape -> the same on the host, flat; one wait for the device."""
    return torch.cat([x.flatten() for x in columns]).cpu().split([x.numel() for x in columns])


def ragged(counts: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """(n,) counts of sum `total` = M -> owner (M,) and rank within the owner (M,)."""
    owner = torch.repeat_interleave(counts, output_size=total)
    start = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner), device=counts.device) - start[owner]


def _cells_before(edge: Tensor, stride: Tensor, offset: float, strict: bool) -> Tensor:
    """How many centres (i + offset) stride, i from 0, lie at or before `edge`, before it if strict. Exact."""
    cell = (edge / stride - offset).floor()  # may round across a centre: the three around it settle it
    near = (cell[..., None] + torch.arange(-1, 2, device=edge.device) + offset) * stride[..., None]
    before = near < edge[..., None] if strict else near <= edge[..., None]
    return (cell - 1 + before.sum(-1)).clamp(min=0).long()


@dataclass(frozen=True)
class Windows:
    """Rectangles of cells, one for each (object, level, prior of a cell); int64, (N, L, A) where not stated.

    On the host, if the boxes were.
    """

    x: Tensor  # column of the first cell
    y: Tensor  # row of the first cell
    width: Tensor  # cells
    height: Tensor  # cells
    origin: Tensor  # prior of cell (0, 0), in the batch
    row: Tensor  # (L, 1) priors from one row of cells to the next
    per_cell: int  # A: priors from one column to the next
    device: torch.device  # of the pairs

    @property
    def counts(self) -> Tensor:
        """(N,) pairs of each object."""
        return (self.width * self.height).sum((1, 2))

    def pairs(self, objects: Tensor) -> tuple[Tensor, Tensor]:
        """Object indices (n,) beside the windows -> loc (M,), gt (M,), object by object, level by level, row by row."""
        width = self.width[objects]
        counts = width * self.height[objects]
        # The first cell of a window is a prior, and the steps down and right count priors, too.
        first = self.origin[objects] + self.y[objects] * self.row + self.x[objects] * self.per_cell
        owner = objects[:, None, None].expand_as(width)
        columns = (counts, width, first, self.row.expand_as(width), owner)
        size, width, first, row, owner = (x.flatten().to(self.device, non_blocking=True) for x in columns)
        # Every pair knows its window, and its rank in there; n L A windows, flattened.
        window, rank = ragged(size, int(counts.sum()))
        # The rank is a row and a column of the window.
        width = width[window]
        y = rank // width
        x = rank - y * width
        return first[window] + y * row[window] + x * self.per_cell, owner[window]

    def blocks(self, budget: int) -> list[Tensor]:
        """All objects, fewest pairs first, cut into blocks of about `budget` pairs."""
        counts, order = self.counts.sort(stable=True)
        sizes = torch.unique_consecutive(counts.cumsum(0) // budget, return_counts=True)[1]
        return list(order.split(sizes.tolist()))


def windows(grid: Grid, boxes: Tensor, image: Tensor, reach: Tensor) -> Windows:
    """The cells whose centre lies strictly within a box widened by `reach` (A, 2) strides each way.

    boxes (N, L, 4) px, one a level, or (N, 1, 4) for all levels; image (N,).
    """
    reach = reach.to(boxes.device)
    levels = torch.tensor([(v.stride, v.start, v.width, v.height) for v in grid.levels], device=boxes.device)
    stride, start, size = levels[:, :1], levels[:, 1:2], levels[:, None, 2:]  # (L, 1), (L, 1), (L, 1, 2)
    # The widened boxes: a prior's own box meets an object where its centre lies in the object, widened by half of it.
    margin = reach * stride[..., None]  # (L, A, 2)
    low, high = boxes[:, :, None, :2] - margin, boxes[:, :, None, 2:] + margin  # (N, L, A, 2)
    # Columns and rows, first to stop, cut to the level.
    first = torch.minimum(_cells_before(low, stride[..., None], grid.offset, strict=False), size)
    stop = torch.minimum(_cells_before(high, stride[..., None], grid.offset, strict=True), size)
    extent = (stop - first).clamp(min=0)
    origin = (image * grid.size)[:, None, None] + start + torch.arange(grid.per_cell, device=boxes.device)
    return Windows(
        *first.unbind(-1), *extent.unbind(-1), origin, size[..., 0] * grid.per_cell, grid.per_cell, grid.boxes.device
    )


def inside(grid: Grid, boxes: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Every prior whose centre lies strictly inside a box (N, 4): loc (M,), gt (M,), sorted by object."""
    return within(grid, boxes[:, None], image)


def within(grid: Grid, regions: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """As `inside`, with a region (N, L, 4) for each level."""
    everyone = torch.arange(len(regions), device=regions.device)
    return windows(grid, regions, image, torch.zeros_like(grid.shapes)).pairs(everyone)


def overlapping(grid: Grid, boxes: Tensor, image: Tensor) -> Windows:
    """The priors whose own box meets an object's."""
    return windows(grid, boxes[:, None], image, grid.shapes / 2)


def nearest_per_level(
    grid: Grid, boxes: Tensor, image: Tensor, k: int, mu: Tensor | float = 0.0, spread: Tensor | float = 1.0
) -> Tensor:
    """(N, C) priors: the k nearest centres of each level, or all where a level has fewer; ties: lowest index.

    mu, spread: (N, 2); the squared distance is the sum over both axes of (d - mu)^2 / spread, d in strides.
    For grids of one prior a cell. The k nearest of a lattice lie in a window of k x k cells, whatever the spread: a
    cell has before it all those that are nearer on one axis and no farther on the other.
    """
    nearest = []
    middle = center(boxes)  # (N, 2)
    mu, spread = (x.unsqueeze(1) if isinstance(x, Tensor) else x for x in (mu, spread))
    for level in grid.levels:
        # The k nearest of a row begin at c - k/2, rounded up: the lower index wins a tie. Pushed back into the level.
        size = torch.tensor((level.width, level.height)).to(boxes.device, non_blocking=True)
        start = ((middle / level.stride)[:, None] + mu - grid.offset - k / 2).ceil().long()
        corner = torch.minimum(start.clamp(min=0), size - size.clamp(max=k))  # (N, 1, 2)
        y, x = torch.meshgrid(
            *(torch.arange(min(n, k), device=boxes.device) for n in (level.height, level.width)), indexing="ij"
        )
        cell = corner + torch.stack((x, y), -1).flatten(0, 1)  # (N, k * k, 2), row by row
        # A stable sort keeps the lowest index of equal distances first.
        offset = ((cell + grid.offset) * level.stride - middle[:, None]) / level.stride
        distance = ((offset - mu).square() / spread).sum(-1)
        closest = distance.sort(dim=-1, stable=True).indices[:, :k]
        prior = level.start + cell[..., 1] * level.width + cell[..., 0]
        nearest.append(prior.gather(1, closest))
    return torch.cat(nearest, 1) + (image * grid.size)[:, None]


def pack(rank: Tensor, index: Tensor) -> Tensor:
    """One int64 key that orders by the float rank >= 0, then by the lower index. Lossless, unlike float packing."""
    return (bits(rank) << 32) | (LOW_32 - index)


def pack_least(rank: Tensor, index: Tensor) -> Tensor:
    """As `pack`, but the lowest rank comes first."""
    return ((2**31 - 1 - bits(rank)) << 32) | (LOW_32 - index)


def bits(x: Tensor) -> Tensor:
    """float32 >= 0 -> int64 of the same order."""
    return (x + 0.0).contiguous().view(torch.int32).long()


def unpack(key: Tensor) -> tuple[Tensor, Tensor]:
    """The rank and the index of `pack`."""
    return (key >> 32).int().view(torch.float32), LOW_32 - (key & LOW_32)


def best_per_location(loc: Tensor, key: Tensor, allowed: Tensor, priors: int) -> Tensor:
    """(M,) bool: the allowed pair of the largest key at each of `priors` locations. Keys of one location differ."""
    key = key.masked_fill(~allowed, -1)
    best = key.new_full((priors,), -1).scatter_reduce(0, loc, key, "amax")
    return (key == best[loc]) & allowed


def segment_sum(x: Tensor, index: Tensor, n: int) -> Tensor:
    """(M,) -> (n,) sums; differentiable."""
    return x.new_zeros(n).index_add(0, index, x)


def segment_max(x: Tensor, index: Tensor, n: int) -> Tensor:
    """(M,) -> (n,) largest, -inf for an empty segment; no gradient."""
    return x.new_full((n,), -torch.inf).scatter_reduce(0, index, x.detach(), "amax")


def segment_softmax(score: Tensor, index: Tensor, n: int) -> Tensor:
    """(M,) -> (M,) that sums to 1 over each non-empty segment; differentiable, finite for any finite score."""
    raised = (score - segment_max(score, index, n).index_select(0, index)).exp()
    return raised / segment_sum(raised, index, n).index_select(0, index)


def max_iou(preds: Predictions, objects: Objects, loc: Tensor, budget: int = 2**17) -> Tensor:
    """(M,) largest IoU of each location's predicted box with the objects of its image; blocks of `budget` pairs."""
    # Each location once, whatever number of pairs it is in.
    listed = torch.zeros(preds.images * preds.grid.size, dtype=torch.bool, device=loc.device).index_fill(0, loc, True)
    predicted_counts = listed.view(preds.images, -1).sum(1).tolist()  # the one wait for the device
    where = torch.nonzero_static(listed, size=sum(predicted_counts)).squeeze(1)
    boxes = preds.boxes_at(where)
    # Image by image: boxes and objects are both sorted by image, so their counts cut them.
    counts = torch.bincount(objects.on_host.image, minlength=preds.images).tolist()
    best = []
    for predicted, truth in zip(boxes.split(predicted_counts), objects.boxes.split(counts), strict=True):
        rows = max(1, budget // max(1, len(truth)))
        best += [_highest(block, truth) for block in predicted.split(rows) if len(block)]
    return boxes.new_zeros(len(listed)).index_copy(0, where, torch.cat([boxes.new_zeros(0), *best]))[loc]


def _highest(boxes: Tensor, objects: Tensor) -> Tensor:
    """(m, 4), (n, 4) -> (m,) largest IoU; those of neighbours are tried with the objects that meet any of them."""
    low, high = boxes[:, :2].amin(0), boxes[:, 2:].amax(0)
    meets = ((objects[:, :2] < high) & (objects[:, 2:] > low)).all(1)
    near = objects[meets] if objects.is_cpu else objects  # to pick some waits for a device
    return pad(iou(boxes[:, None], near[None]), (0, 1)).amax(1)

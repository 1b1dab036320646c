"""Predicted boxes hashed by their centre, so that those near an object are found without trying them all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assigners.geometry import center
from assigners.pairs import ragged

SIDE = 16.0  # of a bucket, pixels; speed, not results
LAST = 2**12  # column and row of a bucket; centres beyond share the outermost ones


@dataclass(frozen=True)
class Runs:
    """The boxes near each object, as places of `index` that follow each other: one run a row of buckets."""

    boxes: Tensor  # (P, 4) px, those that were hashed
    index: Tensor  # (P,) boxes in bucket order
    gt: Tensor  # (R,) object, ascending
    first: Tensor  # (R,) place in `index`
    length: Tensor  # (R,) boxes

    def split(self, sizes: list[int]) -> list[Runs]:
        """Cut into blocks of so many runs."""
        columns = (x.split(sizes) for x in (self.gt, self.first, self.length))
        return [Runs(self.boxes, self.index, *block) for block in zip(*columns, strict=True)]

    def pairs(self, total: int) -> tuple[Tensor, Tensor]:
        """All `total` = M pairs, the sum of the lengths: index of the box (M,), object (M,)."""
        run, rank = ragged(self.length, total)
        return self.index[self.first[run] + rank], self.gt[run]

    def pick(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Those of `pairs` with these numbers (m,)."""
        stop = self.length.cumsum(0)
        run = torch.searchsorted(stop, pair, right=True)
        return self.index[self.first[run] + pair - (stop - self.length)[run]], self.gt[run]


def near(boxes: Tensor, images: int, objects: Tensor, image: Tensor, reach: Tensor) -> Runs:
    """Of boxes (P, 4) px, P / images of each image, those in a bucket that objects (N, 4) px of `image` (N,) touch.

    An object touches what lies within reach (N, 2) px of its centre. Objects, image and reach are on the host.
    """
    low, high = (
        ((center(objects) + way * reach) / SIDE).floor().clamp(0, LAST).long().unbind(1) for way in (-1, 1)
    )  # columns, rows
    # One column and one row more than are touched: what lies beyond.
    columns, rows = (int(last.amax()) + 2 if len(objects) else 1 for last in high)
    index, start = _hashed(boxes, images, rows, columns)
    counts = high[1] - low[1] + 1
    gt, rank = ragged(counts, int(counts.sum()))
    line = (image[gt] * rows + low[1][gt] + rank) * columns
    gt, left, right = (x.to(boxes.device, non_blocking=True) for x in (gt, line + low[0][gt], line + high[0][gt] + 1))
    return Runs(boxes, index, gt, start[left], start[right] - start[left])


def _hashed(boxes: Tensor, images: int, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The boxes in bucket order (P,), row by row, image by image; the first place of each bucket, and the end."""
    middle = center(boxes).nan_to_num().clamp(0, LAST * SIDE)  # a prediction may be of any size, or none
    x, y = (middle / SIDE).long().unbind(1)
    line = torch.arange(images, device=boxes.device)[:, None] * rows + y.clamp(max=rows - 1).view(images, -1)
    bucket, index = (line.flatten() * columns + x.clamp(max=columns - 1)).sort(stable=True)
    return index, torch.searchsorted(bucket, torch.arange(images * rows * columns + 1, device=boxes.device))

"""Predicted boxes hashed by their centre, so that those near an object are found without trying them all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assigners.geometry import center
from assigners.pairs import ragged

SIDE = 16.0  # of a bucket, pixels; speed, not results


@dataclass(frozen=True)
class Buckets:
    """Indices of boxes, bucket by bucket, row by row, image by image."""

    index: Tensor  # (P,) boxes in bucket order
    start: Tensor  # (buckets + 1,) first place of each bucket in `index`
    rows: int
    columns: int

    def spans(self, boxes: Tensor, image: Tensor, reach: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The runs of `index` whose buckets lie within reach (N, 2) px of the centres of boxes (N, 4).

        Returns object (R,), first (R,) and length (R,) of each run: one run a row of buckets.
        """
        last = torch.tensor((self.columns, self.rows), device=boxes.device) - 1
        low = torch.minimum(((center(boxes) - reach) / SIDE).floor().clamp(min=0).long(), last)
        high = torch.minimum(((center(boxes) + reach) / SIDE).floor().clamp(min=0).long(), last)
        gt, rank = ragged(high[:, 1] - low[:, 1] + 1)
        line = (image[gt] * self.rows + low[gt, 1] + rank) * self.columns
        first, stop = self.start[line + low[gt, 0]], self.start[line + high[gt, 0] + 1]
        return gt, first, stop - first

    def near(self, gt: Tensor, first: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """Runs (R,) -> pairs: index of the box (M,), object (M,)."""
        run, rank = ragged(length)
        return self.index[first[run] + rank], gt[run]


def bucketed(boxes: Tensor, images: int) -> Buckets:
    """Boxes (P, 4) px of `images` images, P / images of each, hashed; centres out of sight go to the edge."""
    place = (center(boxes).nan_to_num().clamp(0, 2**16) / SIDE).long()  # a prediction may be of any size, or none
    columns, rows = (int(n) + 1 for n in place.amax(0).tolist())
    image = torch.arange(images, device=boxes.device).repeat_interleave(len(boxes) // images)
    bucket, index = ((image * rows + place[:, 1]) * columns + place[:, 0]).sort(stable=True)
    sizes = torch.bincount(bucket, minlength=images * rows * columns)
    return Buckets(index, torch.cat((sizes.new_zeros(1), sizes.cumsum(0))), rows, columns)

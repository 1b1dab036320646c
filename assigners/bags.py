"""The priors of largest rank of each object, from blocks of pairs."""

from __future__ import annotations

from torch import Tensor

from assigners.pairs import ragged


def largest(counts: Tensor, key: Tensor, k: int) -> Tensor:
    """(n, k) the k largest keys of each object, 0 where it has fewer.

    counts (n,): pairs of each, on the host; key (M,): of their pairs, above 0, object by object.
    """
    row, rank = ragged(counts.to(key.device, non_blocking=True), len(key))
    # A table of one row an object, filled from the left; 0 is empty.
    width = max(k, int(counts.amax()))
    table = key.new_zeros(len(counts) * width).index_copy(0, row * width + rank, key)
    return table.view(len(counts), width).topk(k, dim=1).values

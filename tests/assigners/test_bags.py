"""The largest keys of each object against a sort."""

import torch

from assigners.bags import largest


def test_the_largest_keys_of_each_object_come_first_and_0_fills_up():
    counts = torch.tensor([3, 0, 5, 1])
    key = torch.randperm(9, generator=torch.Generator().manual_seed(0)) + 1
    rows = [sorted(part.tolist(), reverse=True) for part in key.split(counts.tolist())]
    for k in (1, 2, 7):
        assert largest(counts, key, k).tolist() == [(row + [0] * k)[:k] for row in rows]

"""Memory and time of one step at 800 x 1344."""

from __future__ import annotations

import time
import weakref
from statistics import median

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Crowded(Exception):
    """More bytes in tensors than allowed; raised where it happens, so that the line can be shown."""


class Bounded(TorchDispatchMode):
    """Counts the bytes of the tensors that live at one time, of those made inside. Raises Crowded above `limit`."""

    def __init__(self, limit: int):
        super().__init__()
        self.limit, self.live, self.peak = limit, 0, 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.untyped_storage()._cdata not in self._known:
                self._count(x.untyped_storage())
        if self.live > self.limit:
            raise Crowded(f"{self.live / 2**20:.0f} MiB live at once, {self.limit / 2**20:.0f} allowed")
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        self._known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size


def milliseconds(work, rounds: int = 5) -> float:
    """Median time of a call, after one that does not count."""
    times = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - begin))
    return median(times[1:])

"""Shared memory: finished batches wait there, and a worker that finds it full dies of a bus error."""

from __future__ import annotations

import shutil
from pathlib import Path

from experiments.data.config import DataConfig
from experiments.data.transforms import padded_side
from experiments.runtime.console import say

PLACE = Path("/dev/shm")
PREFETCH = 2  # batches that a worker of torch's DataLoader has under way


def fitting_workers(data: DataConfig, batch: int) -> int:
    """As many of the recipe's workers as the shared memory holds batches for; one line says so where it is fewer.

    The batches are the same with any number of workers.
    """
    if not data.workers or not PLACE.is_dir():
        return data.workers
    free = shutil.disk_usage(PLACE).free
    need = batch_bytes(data, batch)
    fitting = max(0, int(free / need - 1) // PREFETCH)  # one batch is with the training process
    if fitting >= data.workers:
        return data.workers
    say(
        f"{PLACE} has {free / 2**20:.0f} MiB free, {data.workers} loader workers need "
        f"{need * (PREFETCH * data.workers + 1) / 2**20:.0f} MiB: {fitting} workers now (the batches stay the same). "
        f"Enlarge it, in Docker with --shm-size, or lower schedule.batch."
    )
    return fitting


def batch_bytes(data: DataConfig, batch: int) -> int:
    """Of the largest batch of images: the boxes are small beside them."""
    return batch * 3 * padded_side(min(max(data.short), data.long)) * padded_side(data.long)

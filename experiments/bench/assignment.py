"""Assignment and loss from 10 to 2000 faces at 800 x 1344: time, and peak memory beyond the inputs."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from statistics import median

import torch

import assigners
from experiments.bench.scenes import loss_step, objects, predictions

COUNTS = (10, 100, 1000, 2000)


def _peak_mib() -> float:
    """Largest resident memory of this process since the last reset; Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(name: str, faces: int) -> tuple[float, float]:
    """Median ms of five, MiB of the first; in a process of its own."""
    generator = torch.Generator().manual_seed(0)
    assigner = assigners.build(name, 1)
    preds, truth = predictions(assigner.spec(), 1, generator), objects(faces, 1, 6, 60, generator)
    loss_step(assigner, preds, objects(1, 1, 6, 60, generator))  # loads the kernels
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, times = _peak_mib(), []
    for i in range(6):
        begin = time.perf_counter()
        loss_step(assigner, preds, truth)
        times.append(1000 * (time.perf_counter() - begin))
        if i == 0:
            peak = _peak_mib() - before
    return median(times[1:]), peak


def report() -> None:
    print("\nassign + loss, forward + backward, 800 x 1344, one class, n faces of 6..60 px: median ms / peak MiB")
    print(f"{'':<12}" + "".join(f"{f'n = {n}':>18}" for n in COUNTS))
    for name in assigners.available():
        cells = []
        for faces in COUNTS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                ms, mib = pool.apply(measure, (name, faces))
            cells.append(f"{f'{ms:.0f} / {mib:.0f}':>18}")
        print(f"{name:<12}" + "".join(cells), flush=True)

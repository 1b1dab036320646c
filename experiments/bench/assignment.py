"""Assignment and loss from 10 to 2000 faces at 800 x 1344: time, and peak memory beyond the inputs."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from statistics import median

import assigners
from experiments.bench.scenes import bench_objects, bench_predictions, loss_step

COUNTS = (10, 100, 1000, 2000)
WITHOUT_NET = {"sapd": {"selection": "hard"}}  # settings of a method that has a network of its own


def _peak_mib() -> float:
    """Largest resident memory of this process since the last reset; Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure_step(name: str, faces: int) -> tuple[float, float]:
    """Median ms of five, MiB of the first; in a process of its own."""
    assigner = assigners.build(name, 1, **WITHOUT_NET.get(name, {}))
    preds, batch = bench_predictions(assigner.spec(), 1), bench_objects(faces, 1, 6, 60)
    loss_step(assigner, preds, bench_objects(1, 1, 6, 60))  # loads the kernels
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before, times = _peak_mib(), []
    for i in range(6):
        begin = time.perf_counter()
        loss_step(assigner, preds, batch)
        times.append(1000 * (time.perf_counter() - begin))
        if i == 0:
            peak = _peak_mib() - before
    return median(times[1:]), peak


def report_assignment() -> None:
    print("\nassign + loss, forward + backward, 800 x 1344, one class, n faces of 6..60 px: median ms / peak MiB")
    print(f"without their own networks: {', '.join(WITHOUT_NET)}")
    print(f"{'':<17}" + "".join(f"{f'n = {n}':>18}" for n in COUNTS))
    for name in assigners.available():
        figures = []
        for faces in COUNTS:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                ms, mib = pool.apply(measure_step, (name, faces))
            figures.append(f"{f'{ms:.0f} / {mib:.0f}':>18}")
        print(f"{name:<17}" + "".join(figures), flush=True)

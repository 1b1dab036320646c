"""What it costs to hand runs to processes or to Ray: the same twenty small runs, one at a time, by each executor."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from experiments.grid.entries import DatasetFinder
from experiments.grid.executors import Executor, Share
from experiments.grid.executors.cluster import Ray
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.grid.job import Job
from experiments.recipes.load import load
from experiments.recipes.recipe import plain
from experiments.runtime.signals import Stop
from experiments.training.run_spec import run_id

RUNS = 20
RUN = (  # about one second on one core
    "schedule.iterations=2 schedule.warmup=1 schedule.batch=4 data.train_images=16 data.val_images=4 data.workers=0 "
    "model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()


def small_jobs(runs: Path) -> list[Job]:
    finder, jobs = DatasetFinder(None), []
    for seed in range(RUNS):
        spec, digests = finder.spec(load("shapes", "fcos", RUN, seed))
        jobs.append(Job(run_id(spec.recipe, digests), plain(spec.recipe), None, str(runs)))
    return jobs


def seconds_by(executor: Executor, jobs: list[Job]) -> float:
    begin = time.perf_counter()
    executor.execute(jobs, Stop(), lambda: None, lambda: None)
    assert all(job.folder.is_done() for job in jobs), "a run of the benchmark failed"
    return time.perf_counter() - begin


def report_scheduling() -> None:
    print(f"\n{RUNS} runs, one at a time: s in all, s a run more than in this process; start-up is in it")
    with tempfile.TemporaryDirectory() as folder:
        share = Share(cpus=1, gpus=0, processes=1, retries=0, logs=Path(folder) / "logs")
        executors = {
            "serial": Serial(share),
            "process": Processes(share, 1),
            "ray": Ray(share, 1, "local", ships=False),
        }
        base = 0.0
        for name, executor in executors.items():
            spent = seconds_by(executor, small_jobs(Path(folder) / name))
            base = base or spent
            print(f"{name:<10}{spent:>8.1f} s{(spent - base) / RUNS:>8.2f} s")

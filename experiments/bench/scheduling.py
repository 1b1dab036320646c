"""What it costs to hand cells to processes or to Ray: the same twenty small cells, one at a time, by each executor."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from experiments.grid.entries import Finder
from experiments.grid.executors import Executor, Share
from experiments.grid.executors.cluster import Ray
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.grid.job import Task
from experiments.recipes import recipe as recipes
from experiments.runtime.signals import Stop
from experiments.training.run_spec import run_id

CELLS = 20
CELL = (  # about one second on one core
    "schedule.iterations=2 schedule.warmup=1 schedule.batch=4 data.train_images=16 data.val_images=4 data.workers=0 "
    "model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()


def tasks(runs: Path) -> list[Task]:
    finder, found = Finder(None), []
    for seed in range(CELLS):
        cell, digests = finder.cell(recipes.load("shapes", "fcos", CELL, seed))
        found.append(Task(run_id(cell.recipe, digests), recipes.plain(cell.recipe), None, str(runs)))
    return found


def seconds(executor: Executor, todo: list[Task]) -> float:
    begin = time.perf_counter()
    executor.run(todo, Stop(), lambda: None, lambda: None)
    assert all(task.folder.is_done() for task in todo), "a cell of the benchmark failed"
    return time.perf_counter() - begin


def report() -> None:
    print(f"\n{CELLS} cells, one at a time: s in all, s a cell more than in this process; start-up is in it")
    with tempfile.TemporaryDirectory() as folder:
        share = Share(cpus=1, gpus=0, processes=1, retries=0, logs=Path(folder) / "logs")
        executors = {
            "serial": Serial(share),
            "process": Processes(share, 1),
            "ray": Ray(share, 1, "local", ships=False),
        }
        base = 0.0
        for name, executor in executors.items():
            spent = seconds(executor, tasks(Path(folder) / name))
            base = base or spent
            print(f"{name:<10}{spent:>8.1f} s{(spent - base) / CELLS:>8.2f} s")

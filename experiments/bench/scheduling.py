"""What a grid costs beside its runs: twenty small runs by each executor, and the driver beside 0 and 1000 done runs."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from contextlib import redirect_stderr
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from experiments.grid.entries import DatasetFinder, TableEntry
from experiments.grid.executors import Executor, Share
from experiments.grid.executors.cluster import Ray
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.grid.job import Job
from experiments.grid.matrices import MatrixRow
from experiments.grid.plan import measured_paces
from experiments.grid.progress_table import ProgressTable
from experiments.grid.states import state_of_run
from experiments.recipes.load import load
from experiments.recipes.recipe import from_dict, plain
from experiments.records.run_folder import RunFolder
from experiments.runtime.signals import Stop
from experiments.training.run_spec import run_id

RUNS, DONE = 20, 1000
RUN = (  # about one second on one core
    "schedule.iterations=2 schedule.warmup=1 schedule.batch=4 data.train_images=16 data.val_images=4 data.workers=0 "
    "model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()


def small_jobs(runs: Path, count: int) -> list[Job]:
    spec, digests = DatasetFinder(None).spec(load("shapes", "fcos", RUN, 0))
    recipes = [replace(spec.recipe, seed=seed) for seed in range(count)]
    return [Job(run_id(recipe, digests), plain(recipe), None, str(runs)) for recipe in recipes]


def seconds_by(executor: Executor, jobs: list[Job]) -> float:
    begin = time.perf_counter()
    executor.execute(jobs, Stop(), lambda: None, lambda: None)
    assert all(job.folder.is_done() for job in jobs), "a run of the benchmark failed"
    return time.perf_counter() - begin


def handovers(jobs: list[Job]) -> list[float]:
    """Seconds from the end of each run to the beginning of the next, of runs that were made one at a time."""
    ends = sorted(job.folder.done.stat().st_mtime_ns / 1e9 for job in jobs)
    return [begin - end for end, begin in zip(ends, sorted(map(_begun, jobs))[1:], strict=False)]


def idle_times(executor: Executor, jobs: list[Job], done: Job) -> list[float]:
    """Seconds from the beginning of each run to that of the next, where all have the records of one that is done."""
    for job in jobs:
        _finish(done, job.folder)
    seconds_by(executor, jobs)
    return [later - earlier for earlier, later in pairwise(sorted(map(_begun, jobs)))]


def _begun(job: Job) -> float:
    """When a process took the run, s."""
    return job.folder.lock.stat().st_mtime_ns / 1e9


def report_scheduling() -> None:
    print(
        f"\n{RUNS} runs, one at a time: s in all, start-up is in it; ms from the end of a run to the next, median, max"
    )
    with tempfile.TemporaryDirectory() as folder:
        share = Share(cpus=1, gpus=0, processes=1, retries=0, logs=Path(folder) / "logs")
        executors = {
            "serial": Serial(share),
            "process": Processes(share, 1),
            "ray": Ray(share, 1, "local", ships=False),
        }
        for name, executor in executors.items():
            jobs = small_jobs(Path(folder) / name, RUNS)
            spent, between = seconds_by(executor, jobs), handovers(jobs)
            print(f"{name:<10}{spent:>8.1f} s{1000 * median(between):>8.0f} ms{1000 * max(between):>8.0f} ms")
        print(f"\n{DONE} runs of which nothing remains to do, by the same: ms from one to the next, median, max")
        for name, executor in executors.items():
            between = idle_times(executor, small_jobs(Path(folder) / f"{name}-{DONE}", DONE), jobs[0])
            print(f"{name:<10}{1000 * median(between):>18.1f} ms{1000 * max(between):>8.1f} ms")
        print(
            "\nthe driver: ms a look at the run folders, a look after a run has finished; s to read them at the start"
        )
        for done in (0, DONE):
            print(f"{done:>5} done, {RUNS} not   {driver_times(jobs, Path(folder) / f'driver-{done}', done)}")


def driver_times(jobs: list[Job], runs: Path, done: int) -> str:
    """With the records of finished runs, `done` of them and then each of the jobs."""
    folders = {f"done-{n}": RunFolder(runs / f"done-{n}") for n in range(done)}
    for folder in folders.values():
        _finish(jobs[0], folder)
    folders |= {job.id: RunFolder(runs / job.id) for job in jobs}
    entry = TableEntry(2, MatrixRow("FCOS", "fcos", (), "", "", {}), "main", "shapes", "coco", 0, "")
    recipe = from_dict(jobs[0].recipe, "the recipe of the benchmark")
    entries = {name: TableEntry(**vars(entry) | {"id": name, "recipe": recipe}) for name in folders}
    begin = time.perf_counter()
    states = {name: state_of_run(folder) for name, folder in folders.items()}
    table = ProgressTable(entries, folders, states, measured_paces(runs), 1)
    start, idle, busy = time.perf_counter() - begin, [], []
    with redirect_stderr(io.StringIO()), table:
        for job in jobs:
            idle.append(_refresh_seconds(table))
            _finish(job, folders[job.id])
            busy.append(_refresh_seconds(table))
    return f"{1000 * median(idle):>8.2f} ms{1000 * median(busy):>8.2f} ms{start:>8.2f} s"


def _finish(job: Job, folder: RunFolder) -> None:
    """Another run that left the records of this one."""
    folder.path.mkdir(parents=True)
    for path in (job.folder.run, job.folder.done):
        shutil.copy(path, folder.path)


def _refresh_seconds(table: ProgressTable) -> float:
    begin = time.perf_counter()
    table.refresh()
    return time.perf_counter() - begin

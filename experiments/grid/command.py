"""`run.py --tables`: plan the cells, write what the tables consist of, run what is not done, and say how it went."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from experiments import recipe as recipes
from experiments.grid import matrix, written
from experiments.grid.cells import Finder, Spot, spots
from experiments.grid.executors import Executor, Share
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.grid.states import state
from experiments.grid.task import Task
from experiments.preemption import Preempted, stop_on_signal
from experiments.progress import say
from experiments.records import RunFolder


def add(parser: argparse.ArgumentParser) -> None:
    """The words of the grid."""
    group = parser.add_argument_group("the paper's tables")
    group.add_argument("--tables", type=int, nargs="+", metavar="N", help="run the cells of these tables")
    group.add_argument("--profile", default="cpu", help="cpu (default): drawn sets in small; full: as the paper")
    group.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    group.add_argument("--executor", choices=["serial", "process", "ray"], help="default: process")
    group.add_argument("--workers", type=int, help="cells side by side (default: what the machine holds)")
    group.add_argument("--cpus-per-cell", type=int, default=1, metavar="N", help="threads of a process (default: 1)")
    group.add_argument("--processes-per-cell", type=int, default=1, metavar="N", help="joined, on one machine")
    group.add_argument("--retries", type=int, default=2, metavar="N", help="after a crash (default: 2)")


def run(options: argparse.Namespace) -> int:
    """Exit code: 0 all done, 1 some failed or cannot run. Raises UserError, Preempted."""
    everything = _spots(options)
    wanted = {spot.id: spot for spot in everything if spot.id}
    tasks = [_task(spot, options) for spot in wanted.values() if not _folder(options, spot).is_done()]
    say(f"{len(wanted)} cells, {len(tasks)} left")
    with stop_on_signal() as stop:
        for task in tasks:
            task.folder.failed.unlink(missing_ok=True)
        if tasks:
            _executor(options).run(tasks, stop, lambda: None)
        if stop.requested:
            raise Preempted("Stopped; the same line goes on where the cells stood.")
    failed = {spot.id: state(_folder(options, spot)) for spot in wanted.values()}
    for name, found in failed.items():
        if found.kind != "done":
            say(f"{name} {found.kind}: {found.reason}")
    return int(any(found.kind != "done" for found in failed.values()))


def _spots(options: argparse.Namespace) -> list[Spot]:
    profile = matrix.profile(options.profile)
    finder = Finder(options.data_root and options.data_root.resolve())
    found = []
    for number in dict.fromkeys(options.tables):
        chosen = matrix.matrix(number, profile)
        part = spots(chosen, profile, options.seeds, options.overrides, finder)
        line = shlex.join(["python", "experiments/run.py", *sys.argv[1:]])
        written.write(options.runs, chosen, profile.name, line, part)
        found += part
    return found


def _folder(options: argparse.Namespace, spot: Spot) -> RunFolder:
    return RunFolder(options.runs.resolve() / spot.id)


def _task(spot: Spot, options: argparse.Namespace) -> Task:
    root = str(spot.root) if spot.root else None
    return Task(spot.id, recipes.plain(spot.recipe), root, str(options.runs.resolve()), options.force)


def _executor(options: argparse.Namespace) -> Executor:
    logs = Path(options.runs).resolve() / "tables" / "logs"
    share = Share(options.cpus_per_cell, 0, options.processes_per_cell, options.retries, logs)
    if options.executor == "serial":
        return Serial(share)
    return Processes(share, options.workers or 2)

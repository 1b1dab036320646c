"""`run.py --tables`: plan the cells, write what the tables consist of, run what is not done, and say how it went."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from functools import partial

from experiments.grid import filters, matrix, plan, table_record
from experiments.grid.entries import Finder, Spot, spots
from experiments.grid.job import Task
from experiments.grid.options import executor, side_by_side
from experiments.grid.progress_table import View, label
from experiments.grid.states import State, state
from experiments.recipes import recipe as recipes
from experiments.records.run_folder import RunFolder
from experiments.runtime.console import say
from experiments.runtime.signals import Preempted, stop_on_signal


def run(options: argparse.Namespace) -> int:
    """Exit code: 0 all done, 1 some failed or cannot run. Raises UserError, Preempted."""
    count = side_by_side(options)
    wanted = filters.chosen(_spots(options), options.only)
    cells: dict[str, Spot] = {}
    for spot in wanted:
        if spot.id:
            cells.setdefault(spot.id, spot)  # of several places, the first
    folders = {name: RunFolder(options.runs / name) for name in cells}
    states = {name: _again(state(folder), options) for name, folder in folders.items()}
    for line in plan.lines(wanted, states, options.runs, count, max(1, options.processes_per_cell)):
        say(line)
    left = [name for name in cells if states[name].kind in ("new", "stopped")]
    if options.plan:
        return 0
    if left:
        tasks = [_task(cells[name], options) for name in left]
        view = View(cells, folders, states, options.runs, count)
        with stop_on_signal() as stop:
            with view:
                executor(options).run(tasks, stop, partial(begin, tasks, options.force), view.tick)
                view.look()
            if stop.requested:
                raise Preempted(f"Stopped: {view.summary()}. The same line goes on from there.")
    return _report(wanted, {name: state(folder) for name, folder in folders.items()})


def _again(now: State, options: argparse.Namespace) -> State:
    """New where a cell is to be tried all the same, whatever became of it."""
    if options.force and now.kind != "running":
        return State("new")
    tried = now.kind == "failed" and (options.retry_failed or not now.own)
    return replace(now, kind="new") if tried else now


def begin(tasks: list[Task], force: bool) -> None:
    """All at once, before the first cell: a try after a lost node then goes on, and does not start over."""
    for folder in (task.folder for task in tasks):
        folder.failed.unlink(missing_ok=True)
        if force:
            with folder.locked():
                folder.clear()


def _report(wanted: list[Spot], states: dict[str, State]) -> int:
    """Says what has no result, and why; the exit code."""
    open_ = {spot.id: spot for spot in wanted if spot.id and states[spot.id].kind != "done"}
    for name, spot in open_.items():
        now = states[name]
        say(f"{now.kind}: {label(spot)} ({name}){now.reason and ': ' + now.reason}")
    if any(states[name].own for name in open_):
        say("What failed for a reason of its own is not tried again: mend it, then add --retry-failed.")
    absent = {label(spot) for spot in wanted if not spot.id and not spot.row.reason}
    say(f"{len(states) - len(open_)} of {len(states)} cells done" + (f", {len(absent)} cannot run" if absent else ""))
    return int(bool(open_ or absent))


def _spots(options: argparse.Namespace) -> list[Spot]:
    """Of all tables asked for, each written down whole."""
    profile = matrix.profile(options.profile)
    finder = Finder(options.data_root and options.data_root.resolve())
    line = shlex.join(["python", "experiments/run.py", *sys.argv[1:]])
    found = []
    for number in dict.fromkeys(options.tables):
        chosen = matrix.matrix(number, profile)
        part = spots(chosen, profile, list(dict.fromkeys(options.seeds)), options.overrides, finder)
        table_record.write(options.runs, chosen, profile.name, line, part)
        found += part
    return found


def _task(spot: Spot, options: argparse.Namespace) -> Task:
    root = str(spot.root) if spot.root else None
    return Task(spot.id, recipes.plain(spot.recipe), root, str(options.runs.resolve()))

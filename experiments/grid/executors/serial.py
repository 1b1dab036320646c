"""One cell after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiments.grid import run_job
from experiments.grid.entries import Finder
from experiments.grid.executors import Share
from experiments.grid.job import Task, settle
from experiments.runtime.processes import joined
from experiments.runtime.signals import Stop


@dataclass(frozen=True)
class Serial:
    share: Share

    def run(self, tasks: list[Task], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        begin()
        finders: dict[str | None, Finder] = {}
        with joined() as world:
            for task in tasks:
                finder = finders.setdefault(task.root, Finder(Path(task.root) if task.root else None))
                for _ in range(1 + self.share.retries):
                    outcome = run_job.run(task, finder, world, stop)
                    settle(task, outcome)
                    tick()
                    if stop.requested:
                        return
                    if outcome.kind != "crash":
                        break

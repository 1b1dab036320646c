"""One run after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiments.grid.entries import DatasetFinder
from experiments.grid.executors import Share
from experiments.grid.job import Job, record_outcome
from experiments.grid.run_job import run_job
from experiments.runtime.processes import join_processes
from experiments.runtime.signals import Stop


@dataclass(frozen=True)
class Serial:
    share: Share

    def execute(self, jobs: list[Job], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        begin()
        finders: dict[str | None, DatasetFinder] = {}
        with join_processes() as world:
            for job in jobs:
                finder = finders.setdefault(job.root, DatasetFinder(Path(job.root) if job.root else None))
                for _ in range(1 + self.share.retries):
                    outcome = run_job(job, finder, world, stop)
                    record_outcome(job, outcome)
                    tick()
                    if stop.requested:
                        return
                    if outcome.kind != "transient":
                        break

"""Who executes the runs: this process, processes of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from experiments.grid.job import Job
from experiments.runtime.signals import Stop


@dataclass(frozen=True)
class Share:
    """What a run gets."""

    cpus: int  # threads of each of its processes
    gpus: float | None  # below 1: runs share one; None: one where the cluster has any
    processes: int
    retries: int  # further tries after a crash
    logs: Path  # folder for what the processes print


class Executor(Protocol):
    def execute(self, jobs: list[Job], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        """Returns when all have ended or `stop` is asked for; how each ended is in its run folder.

        Calls `begin` before the first run, once nothing stands in its way, and `tick` about once a second. UserError
        where no run can start, before `begin`.
        """

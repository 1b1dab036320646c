"""Several cells side by side on this machine, each in processes that live on for the next; no Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from experiments.grid.executors import Share
from experiments.grid.job import Task, settle
from experiments.grid.workers import Team
from experiments.runtime.signals import Stop

GRACE = 120  # seconds for a step and a checkpoint after a stop is asked for
LOOK = 0.1  # seconds between two looks at the processes


@dataclass(frozen=True)
class Processes:
    share: Share
    workers: int  # cells side by side

    def run(self, tasks: list[Task], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        begin()
        waiting = deque(tasks)
        teams = [self._team(slot) for slot in range(min(self.workers, len(tasks)))]
        last = 0.0
        try:
            while not stop.requested and (waiting or not all(team.idle for team in teams)):
                for team in teams:
                    self._serve(team, waiting)
                if time.monotonic() > last + 1:
                    tick()
                    last = time.monotonic()
                time.sleep(LOOK)
        finally:
            self._leave(teams)
            tick()

    def _serve(self, team: Team, waiting: deque[Task]) -> None:
        """Takes what the team has ended, and gives it the next cell."""
        task = team.task
        if task and (outcome := team.ended()):
            tries = settle(task, outcome)
            if outcome.kind in ("crash", "stopped") and tries <= self.share.retries:
                waiting.append(task)
        if team.idle and waiting:
            team.give(waiting.popleft())

    def _leave(self, teams: list[Team]) -> None:
        """No process outlives the call; cells under way save their state first."""
        for team in teams:
            team.ask()
        until = time.monotonic() + GRACE
        for team in teams:
            team.close(until - time.monotonic())

    def _team(self, slot: int) -> Team:
        share = self.share
        share.logs.mkdir(parents=True, exist_ok=True)
        devices = {"CUDA_VISIBLE_DEVICES": _devices(slot, share.gpus)} if share.gpus else {}
        return Team(share.processes, share.cpus, share.logs / f"worker-{slot}.log", devices)


def _devices(slot: int, gpus: float) -> str:
    """The devices of the cell at this place: whole ones of its own, or one that it shares."""
    first = int(slot * gpus)
    return ",".join(str(number) for number in range(first, first + max(1, int(gpus))))

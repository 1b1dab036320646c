"""Several runs side by side on this machine, each in processes that stay for the next; no Ray."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from experiments.grid.executors import Share
from experiments.grid.job import Job, record_outcome
from experiments.grid.workers import Team, await_answer
from experiments.runtime.signals import Stop

GRACE = 120  # seconds for a step and a checkpoint after a stop is asked for
POLL = 0.1  # seconds between two looks at whether a stop is asked for


@dataclass(frozen=True)
class Processes:
    share: Share
    workers: int  # runs side by side

    def execute(self, jobs: list[Job], stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> None:
        begin()
        waiting = deque(jobs)
        teams = [self._team(slot) for slot in range(min(self.workers, len(jobs)))]
        last = 0.0
        try:
            while not stop.requested and (waiting or not all(team.idle for team in teams)):
                for team in teams:
                    self._serve(team, waiting)
                if time.monotonic() > last + 1:
                    tick()
                    last = time.monotonic()
                await_answer(teams, POLL)
        finally:
            self._leave(teams)
            tick()

    def _serve(self, team: Team, waiting: deque[Job]) -> None:
        """Takes what the team has ended, and gives it the next job."""
        job = team.job
        if job and (outcome := team.ended()):
            tries = record_outcome(job, outcome)
            if outcome.kind in ("transient", "stopped") and tries <= self.share.retries:
                waiting.append(job)
        if team.idle and waiting:
            team.give(waiting.popleft())

    def _leave(self, teams: list[Team]) -> None:
        """No process outlives the call; runs under way save their state first."""
        for team in teams:
            team.ask()
        until = time.monotonic() + GRACE
        for team in teams:
            team.close(until - time.monotonic())

    def _team(self, slot: int) -> Team:
        share = self.share
        share.logs.mkdir(parents=True, exist_ok=True)
        devices = {} if share.gpus is None else {"CUDA_VISIBLE_DEVICES": _devices(slot, share.gpus)}
        return Team(share.processes, share.cpus, share.logs / f"worker-{slot}.log", devices)


def _devices(slot: int, gpus: float) -> str:
    """The devices of the run in this slot: whole ones for itself, one that it shares, or none."""
    if not gpus:
        return ""
    first = int(slot * gpus)
    return ",".join(str(number) for number in range(first, first + max(1, int(gpus))))

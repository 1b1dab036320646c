"""One try of a run on a node of a Ray cluster: the processes that train, and what is reported of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cache

import ray

from experiments.grid.executors import Share
from experiments.grid.job import Job, Outcome, record_outcome, to_line
from experiments.grid.states import steps_done
from experiments.grid.workers import Team

POLL = 1.0  # seconds between two looks at a run


class Crash(Exception):
    """Tune tries the run again."""


@cache
def _team(share: Share) -> Team:
    """Of this actor, for all the runs that it gets: torch is imported once. It ends with the actor."""
    share.logs.mkdir(parents=True, exist_ok=True)
    return Team(share.processes, share.cpus, share.logs / f"{socket.gethostname()}-{os.getpid()}.log")


def attempt(job: Job, share: Share, report: Callable[[], None]) -> Outcome:
    """Leaves the record of how it ended. Calls `report` each POLL; what that raises ends the try.

    Raises Crash where Tune is to try it again.
    """
    team = _team(share)
    team.give(job)
    try:
        while (outcome := team.ended(POLL)) is None:
            report()  # also where Tune ends the trial
    except BaseException:
        team.close(patience=60)
        raise
    record_outcome(job, outcome)
    if outcome.kind in ("transient", "stopped"):  # stopped: by somebody on its node
        raise Crash(outcome.reason)
    return outcome


def progress(job: Job) -> dict:
    """How far a run is, and where."""
    return {
        "job": to_line(job).decode(),
        "step": steps_done(job.folder),
        "node": ray.get_runtime_context().get_node_id(),
    }

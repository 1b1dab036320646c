"""The processes that execute a run together, from the side of whoever started them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from experiments.grid.job import Job, Outcome, to_line
from experiments.runtime.commit import ROOT
from experiments.runtime.threads import share_cores

BEHIND = 60  # seconds that one process may answer after another that failed


@dataclass
class Team:
    """`processes` workers, joined by torch.distributed where there are several."""

    processes: int
    threads: int  # of each
    log: Path  # their stderr
    env: dict[str, str] = field(default_factory=dict)
    job: Job | None = None
    members: list[subprocess.Popen] = field(default_factory=list)
    answers: dict[int, Outcome] = field(default_factory=dict)  # by rank
    first: float = 0.0  # when the first answer came

    def start(self) -> None:
        share_cores()  # of a Ray actor, which run.py did not start
        port = str(_free_port())
        with self.log.open("ab") as log:
            self.members = [self._member(rank, port, log) for rank in range(self.processes)]

    def _member(self, rank: int, port: str, log) -> subprocess.Popen:
        settings = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": self.processes, "OMP_NUM_THREADS": self.threads}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        env = os.environ | {name: str(value) for name, value in settings.items()} | self.env | {"PYTHONPATH": path}
        return subprocess.Popen(
            [sys.executable, "-m", "experiments.grid.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            env=env | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port},
            start_new_session=True,  # Ctrl-C reaches whoever started the team, who then asks it once
        )

    @property
    def idle(self) -> bool:
        return self.job is None

    def silent(self) -> list[tuple[int, subprocess.Popen]]:
        """Rank and process of those that have not answered."""
        return [(rank, member) for rank, member in enumerate(self.members) if rank not in self.answers]

    def give(self, job: Job) -> None:
        """Starts the processes, if need be, and hands them a job."""
        if not self.members or any(member.poll() is not None for member in self.members):
            self.kill()
            self.start()
        self.job, self.answers = job, {}
        with suppress(BrokenPipeError):  # it died; `ended` says so
            for member in self.members:
                member.stdin.write(to_line(job))

    def ended(self, patience: float = 0.0) -> Outcome | None:
        """How the current job ended; None while it runs, after so many seconds. The team is idle after an end."""
        silent = self.silent()
        ready = select.select([member.stdout for _, member in silent], [], [], patience)[0]
        for rank, member in silent:
            if member.stdout in ready:
                line = member.stdout.readline()
                self.first = self.first if self.answers else time.monotonic()
                self.answers[rank] = Outcome(**json.loads(line)) if line.endswith(b"\n") else self._death(member)
        failures = [answer for answer in self.answers.values() if answer.kind in ("permanent", "transient")]
        complete = len(self.answers) == self.processes
        if not complete and not (failures and time.monotonic() > self.first + BEHIND):
            return None
        if failures and self.processes > 1:
            self.kill()  # the others may wait for the one that failed
        self.job = None
        permanent = [failure for failure in failures if failure.kind == "permanent"]
        return next(iter([*permanent, *failures, *self.answers.values()]))

    def _death(self, member: subprocess.Popen) -> Outcome:
        code = member.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Outcome("transient", f"The process that ran it died ({how}); see {self.log}.")

    def ask(self) -> None:
        """Asks the workers to finish the step, save and exit. No signal: a second one would cut the saving short."""
        for member in self.members:
            member.stdin.close()

    def close(self, patience: float) -> None:
        """Asks, and kills the processes that do not exit in `patience` seconds."""
        self.ask()
        until = time.monotonic() + patience
        for member in self.members:
            with suppress(subprocess.TimeoutExpired):
                member.wait(max(0.0, until - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        for member in self.members:
            member.kill()
            member.wait()
            member.stdin.close()
            member.stdout.close()
        self.members = []


def await_answer(teams: list[Team], patience: float) -> None:
    """Returns when a worker has answered or died, at the latest after so many seconds."""
    waiting = [member.stdout for team in teams if team.job for _, member in team.silent()]
    select.select(waiting, [], [], patience)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

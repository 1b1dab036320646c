"""Tiny runs: as people start them, and forked from a process that has torch in memory."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from experiments import run
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.commit import ROOT
from tests.tiny_runs import TINY, sets

SECONDS = 90  # that no tiny run takes, stopped or not: it hangs
FASTER = "schedule.checkpoint_every=3 data.val_images=8 test.batch=2 test.score_threshold=0.001".split()


@dataclass(frozen=True)
class Plan:
    """A run and its processes; 1: alone, 2: under torchrun."""

    assigner: str
    processes: int = 1

    def words(self, runs: Path, *more: str) -> list[str]:
        """The command line."""
        return ["--runs", str(runs), "--assigner", self.assigner, *sets(*TINY, *FASTER, *more)]

    def undisturbed(self, runs: Path) -> RunFolder:
        """By the command as people type it, without loader workers."""
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={self.processes}"]
        line = [*launcher, "experiments/run.py"] if self.processes > 1 else ["experiments/run.py"]
        line = [sys.executable, *line, *self.words(runs, "data.workers=0")]
        subprocess.run(line, cwd=ROOT, check=True, capture_output=True)
        return runs_in(runs)[0]

    def start(self, runs: Path, workers: int, log: Path, before: Callable[[], None] = lambda: None) -> int:
        """The id of a process forked off this one that leads its own group; what it prints goes to `log`."""
        words = self.words(runs, f"data.workers={workers}")
        if self.processes == 1:
            return forked(lambda: command(words, log, before))
        return forked(lambda: launched(words, log, self.processes))


def forked(act: Callable[[], int]) -> int:
    """The id of a child that leaves with what `act` returns, by way of the functions that wait for the exit."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    try:
        code = act()
        atexit._run_exitfuncs()  # where a loader's workers are waited for
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def command(words: list[str], log: Path, before: Callable[[], None] = lambda: None) -> int:
    """The exit code of `experiments/run.py`, in this process."""
    into(log)
    before()
    sys.argv = ["run.py", *words]
    return run.main()


def launched(words: list[str], log: Path, processes: int) -> int:
    """torchrun's own launcher, with forked processes."""
    into(log.with_suffix(".launcher"))
    meeting = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": str(os.getpid())}
    config = LaunchConfig(1, 1, processes, **meeting, max_restarts=0, start_method="fork")
    try:
        elastic_launch(config, _process)(words, log)
    except torch.distributed.elastic.multiprocessing.errors.ChildFailedError as error:
        return next(iter(error.failures.values())).exitcode & 0xFF
    return 0


def _process(words: list[str], log: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # forked, it has the launcher's handlers
        signal.signal(number, signal.SIG_DFL)
    if code := command(words, log):
        sys.exit(code)


def into(log: Path) -> None:
    """Both streams go to a file, as with `> log 2>&1`."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.close(file)


def ended(child: int, seconds: float) -> int | None:
    """Exit code of a child, or minus the signal; None after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(0.002)

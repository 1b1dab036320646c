"""Tiny runs: as people start them, and forked from a process that has torch in memory; and what differs between two."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from experiments import run
from experiments.records.run_folder import RunFolder, runs_in

ROOT = Path(__file__).parents[2]
SECONDS = 90  # that no tiny run takes, stopped or not: it hangs
CLOCKS = ("images_per_s", "wait")  # of a row; in `done` all that ends with "seconds"
TINY = (
    "schedule.iterations=3 schedule.warmup=1 schedule.batch=4 schedule.checkpoint_every=3 data.train_images=16 "
    "data.val_images=8 test.batch=2 test.score_threshold=0.001 model.backbone=mobilenet_v2 model.channels=16 "
    "model.tower_convs=1 data.short=64 data.long=64"
).split()


@dataclass(frozen=True)
class Plan:
    """One cell and its processes; 1: alone, 2: under torchrun."""

    assigner: str
    processes: int = 1

    def words(self, runs: Path, *more: str) -> list[str]:
        """The command line."""
        sets = [word for text in (*TINY, *more) for word in ("--set", text)]
        return ["--runs", str(runs), "--assigner", self.assigner, *sets]

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
    place = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": str(os.getpid())}
    config = LaunchConfig(1, 1, processes, **place, max_restarts=0, start_method="fork")
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
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(0.002)


def differences(a: RunFolder, b: RunFolder) -> list[str]:
    """What is not equal bit for bit: losses of every step, weights, moments, detections, figures."""
    found = []
    rows = [[{k: v for k, v in row.items() if k not in CLOCKS} for row in x.read_metrics()] for x in (a, b)]
    if rows[0] != rows[1]:
        found.append(f"metrics of {a.path}")
    if a.read_curve() != b.read_curve():
        found.append(f"curve of {a.path}")
    states = [tensors(torch.load(x.checkpoint, weights_only=True)) for x in (a, b)]
    if states[0].keys() != states[1].keys():
        found.append(f"names in {a.checkpoint}")
    found += [f"{k} of {a.checkpoint}" for k, v in states[0].items() if not torch.equal(v, states[1].get(k, v[:0]))]
    for path in sorted(b.path.glob("*.npz")):
        with np.load(a.path / path.name) as first, np.load(path) as second:
            found += [f"{k} of {a.path / path.name}" for k in second if not np.array_equal(first[k], second[k])]
    done = [{k: v for k, v in x.read_done().items() if not k.endswith("seconds")} for x in (a, b)]
    return found + [f"done of {a.path}"] * (json.dumps(done[0]) != json.dumps(done[1]))


def tensors(state: dict, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of nested dictionaries, by dotted name, flat."""
    found = {}
    for key, value in state.items():
        if isinstance(value, dict):
            found |= tensors(value, f"{prefix}{key}.")
        elif isinstance(value, torch.Tensor):
            found[f"{prefix}{key}"] = value.flatten()
    return found

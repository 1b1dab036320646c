"""Breaks every file operation of a run in turn; afterwards the folder must be readable, and the same command finish.

python -m tests.soak.writes --every 1
"""

from __future__ import annotations

import argparse
import builtins
import errno
import io
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path

import torch

from analysis.runs import read_runs
from experiments.records.run_folder import RunFolder, runs_in
from tests.soak.runs import SECONDS, Plan, command, ended, forked
from tests.tiny_runs import differences

FAULTS = ("ENOSPC", "EIO", "torn")  # torn: half of the bytes arrive, then the machine stops
BUFFER = 2**22  # bytes: a checkpoint of some MB takes several writes
PLAN = Plan("fcos")
ATOMIC = ("mkdir", "unlink", "replace", "rename", "fsync", "truncate", "ftruncate")


class Layer:
    """Counts what is done to files below a folder, and breaks operation `broken`, counted from 1."""

    def __init__(self, folder: Path, broken: int, fault: str, report: Path):
        self.folder, self.broken, self.fault, self.done = str(folder), broken, fault, 0
        self.report, self.open = report, io.open

    def install(self) -> None:
        """Under Python's own functions; for good, so in a process of its own."""
        io.open = builtins.open = self.opened
        for name in ATOMIC:
            setattr(os, name, self.watched(name, getattr(os, name)))

    def watches(self, path: object) -> bool:
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        return str(path).startswith(self.folder)

    def tick(self, name: str, half=lambda: None) -> None:
        """One operation; raises its fault, or stops the process after half of it."""
        self.done += 1
        if self.done != self.broken:
            return
        with self.open(self.report, "w") as file:
            file.write(name)
        if self.fault == "torn":
            half()
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(getattr(errno, self.fault), os.strerror(getattr(errno, self.fault)))

    def watched(self, name: str, real):
        def call(path, *more, **named):
            if self.watches(path):
                self.tick(name)
            return real(path, *more, **named)

        return call

    def opened(self, path, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *more):
        if isinstance(path, int) or not self.watches(path) or not set(mode) & set("wax+"):
            return self.open(path, mode, buffering, encoding, errors, newline, *more)
        self.tick("open")
        raw = Faulty(path, mode.replace("b", "").replace("t", ""), self)
        file = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, BUFFER)
        return file if "b" in mode else io.TextIOWrapper(file, encoding, errors, newline)


class Faulty(io.FileIO):
    def __init__(self, path, mode: str, layer: Layer):
        super().__init__(path, mode)
        self.layer = layer

    def write(self, data) -> int:
        self.layer.tick("write", lambda: super(Faulty, self).write(memoryview(data)[: len(data) // 2]))
        return super().write(data)

    def truncate(self, size=None) -> int:
        self.layer.tick("truncate")
        return super().truncate(size)


def attempt(runs: Path, report: Path, broken: int, fault: str) -> tuple[int | None, str]:
    """Exit code and words of a run whose operation number `broken` fails; 0: none."""
    log = runs.with_suffix(".log")
    log.unlink(missing_ok=True)
    layer = Layer(runs, broken, fault, report)
    words = PLAN.words(runs, "data.workers=0")
    code = ended(forked(lambda: command(words, log, layer.install)), SECONDS)
    return code, log.read_text()


def faulted(runs: Path, truth: RunFolder, broken: int, fault: str) -> tuple[str, list[str]]:
    """The operation that was broken ("" where the run had fewer), and what went wrong after it."""
    report = runs.with_suffix(".report")
    report.unlink(missing_ok=True)
    code, output = attempt(runs, report, broken, fault)
    if not report.exists():
        return "", [] if code == 0 else [f"code {code}: {output}"]
    name, wrong = report.read_text(), []
    expected = {"torn": (-signal.SIGKILL,), "EIO": (2,), "ENOSPC": (2,)}[fault]
    if code not in expected or "Traceback" in output or (fault == "ENOSPC" and "free" not in output.lower()):
        wrong.append(f"code {code}: {output}")
    if runs.exists():
        wrong += [f"not read: {run.reason}" for run in read_runs(runs) if "unreadable" in run.reason]
    code, output = attempt(runs, report, 0, fault)
    wrong += [f"no end, code {code}: {output}"] if code else differences(runs_in(runs)[0], truth)
    return name, [f"operation {broken}, {name}, {fault}: {line}" for line in wrong]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="break every so many operations only")
    every, begin = parser.parse_args().every, time.monotonic()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="writes"))
    hit, wrong = Counter(), []
    try:
        truth = PLAN.undisturbed(folder / "truth")
        for number in count(1, every):
            fault = FAULTS[number % 3] if every > 1 else None
            names = []
            for kind in (fault,) if fault else FAULTS:
                name, complaints = faulted(folder / "runs", truth, number, kind)
                names.append(name)
                wrong += complaints
                hit[name, kind] += bool(name)
                shutil.rmtree(folder / "runs")
            if not any(names):
                break
    finally:
        shutil.rmtree(folder)
    for (name, fault), times in sorted(hit.items()):
        if times:
            print(f"{name:<10} {fault:<8} {times}")
    print(f"{sum(hit.values())} faults, {time.monotonic() - begin:.0f} s, wrong: " + ("\n".join(wrong) or "none"))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())

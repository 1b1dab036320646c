"""What became of a cell, read from its run folder and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys
from dataclasses import dataclass
from typing import Literal

from experiments.records.run_folder import FIGURES, RecordError, RunFolder

TAIL = 4096  # bytes that hold the last line of the metrics
# struct flock: type, whence, start, length, owner in the system's order; see fcntl(2).
FLOCK = ("@hhqqi", 0) if sys.platform == "linux" else ("@qqihh", 3)


@dataclass(frozen=True)
class State:
    kind: Literal["new", "stopped", "running", "done", "failed"]  # stopped: begun, and nobody has it
    step: int = 0  # optimiser steps behind it
    images_per_s: float = 0.0
    ap: float | None = None  # fraction of 1; of a run under way the newest, where it measures any before the end
    reason: str = ""  # of a failure
    own: bool = False  # the failure lies in the recipe or its data: another try would fail, too


def state(folder: RunFolder) -> State:
    """Never from the process that runs the cell: to close the lock file would drop its lock."""
    try:
        if folder.is_done():
            return State("done", ap=folder.read_done().get(FIGURES[0]))
        failed, row, curve = folder.read_failed(), _last(folder), folder.read_curve()
    except RecordError as error:
        return State("failed", reason=str(error), own=True)
    ap = curve[-1].get(FIGURES[0]) if curve else None
    step, rate = row.get("step", 0), row.get("images_per_s") or 0.0
    if held(folder):
        return State("running", step, rate, ap)
    if failed:
        return State("failed", step, rate, ap, failed.get("reason", ""), failed.get("kind") == "own")
    return State("stopped" if step else "new", step, rate, ap)


def progress(folder: RunFolder) -> int:
    """Optimiser steps behind it."""
    return _last(folder).get("step", 0)


def held(folder: RunFolder) -> bool:
    """Whether a living process has the run; asks the system without taking the lock."""
    shape, place = FLOCK
    parts = [0, os.SEEK_SET, 0, 0, 0] if place == 0 else [0, 0, 0, 0, os.SEEK_SET]
    parts[place] = fcntl.F_WRLCK
    try:
        with folder.lock.open("r+b") as file:
            answer = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(shape, *parts))
    except OSError:
        return False
    return struct.unpack(shape, answer)[place] != fcntl.F_UNLCK


def _last(folder: RunFolder) -> dict:
    """The last whole row of the metrics; empty before the first."""
    try:
        with folder.metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().split(b"\n")[:-1]
        row = json.loads(lines[-1]) if lines else {}
    except (OSError, ValueError):
        return {}
    return row if isinstance(row, dict) else {}

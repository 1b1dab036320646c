"""What became of a run, read from its folder and nothing else."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from dataclasses import dataclass
from typing import Literal

from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder, last_row

# struct flock: type, whence, start, length, owner in the system's order; see fcntl(2).
FLOCK = ("@hhqqi", 0) if sys.platform == "linux" else ("@qqihh", 3)


@dataclass(frozen=True)
class State:
    kind: Literal["new", "stopped", "running", "done", "failed"]  # stopped: begun, and no process has it
    step: int = 0  # optimiser steps done
    images_per_s: float = 0.0
    ap: float | None = None  # fraction of 1; of a run under way the newest, where it measures any before the end
    reason: str = ""  # of a failure
    permanent: bool = False  # the failure lies in the recipe or its data: another try would fail, too
    unreadable: bool = False  # a record of it is damaged, or of another version: only a fresh start helps


def state_of_run(folder: RunFolder) -> State:
    """Never from the process that executes the run: to close the lock file would drop its lock."""
    if not folder.path.exists():  # most runs of a large grid, most of the time
        return State("new")
    try:
        if folder.is_done():
            return State("done", ap=folder.read_result().ap)
        row, curve = last_row(folder), folder.read_curve()
    except RecordError as error:
        return State("failed", reason=str(error), permanent=True, unreadable=True)
    ap = curve[-1].metrics.get("AP") if curve else None
    step, rate = (row.step, row.values.get("images_per_s") or 0.0) if row else (0, 0.0)
    if is_held(folder):
        return State("running", step, rate, ap)
    try:
        failure = folder.read_failed()
    except RecordError as error:  # another try removes the file
        return State("failed", step, rate, ap, str(error), permanent=True)
    if failure:
        return State("failed", step, rate, ap, failure.reason, failure.kind == "permanent")
    return State("stopped" if step else "new", step, rate, ap)


def steps_done(folder: RunFolder) -> int:
    """Optimiser steps of a run, as its metrics have them."""
    row = last_row(folder)
    return row.step if row else 0


def is_held(folder: RunFolder) -> bool:
    """Whether a living process has the run; asks the system without taking the lock."""
    form, position = FLOCK
    fields = [0, os.SEEK_SET, 0, 0, 0] if position == 0 else [0, 0, 0, 0, os.SEEK_SET]
    fields[position] = fcntl.F_WRLCK
    try:
        with folder.lock.open("r+b") as file:
            answer = fcntl.fcntl(file, fcntl.F_GETLK, struct.pack(form, *fields))
    except OSError:
        return False
    return struct.unpack(form, answer)[position] != fcntl.F_UNLCK


def ap_found(folder: RunFolder) -> float | None:
    """Percent, as a search counts it: 0 of a run whose numbers ceased to be finite; None of one that did not end.

    Raises RecordError.
    """
    if folder.is_done():
        ap = folder.read_result().ap
        return None if ap is None else 100 * ap
    return 0.0 if folder.failed.is_file() and folder.broken.is_file() else None

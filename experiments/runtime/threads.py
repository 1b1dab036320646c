"""Threads of a process that shares its cores with others. No torch: OpenMP reads its settings as torch loads it."""

from __future__ import annotations

import math
import os
from pathlib import Path, PurePosixPath

SPINS = "1000"  # of GNU's OpenMP, about 10 microseconds; it spins billions of times by default
CGROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def share_cores() -> None:
    """Lets OpenMP's idle threads sleep soon, and starts no more of them than a container may use. What is set stays.

    Threads that spin take the core from the program that the slowest of them waits for: beside one busy process a step
    took ten times as long. Threads that sleep at once are woken late: a sixth of a step on two quiet cores.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    if usable_cores() < _allowed():  # else OpenMP and MKL find the number themselves
        os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))


def usable_cores() -> int:
    """Cores that this process may use: by affinity, and by the quota of its control group."""
    return max(1, math.ceil(min(_allowed(), _quota())))


def _allowed() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota() -> float:
    """Cores, the least of the group's own and its parents' quotas; infinite where there is none."""
    return min(map(_cores, _groups()), default=math.inf)


def _groups() -> list[Path]:
    """Folders of this process's group, of both versions of control groups, up to the root."""
    try:
        rows = [line.split(":", 2) for line in MEMBERSHIP.read_text().splitlines()]
    except OSError:  # not Linux
        return []
    folders = []
    for _, controllers, path in (row for row in rows if len(row) == 3):
        if not controllers or "cpu" in controllers.split(","):
            base = CGROUPS / controllers if controllers else CGROUPS
            inner = PurePosixPath(path.lstrip("/"))
            folders += [base / inner, *(base / parent for parent in inner.parents)]
    return folders


def _cores(group: Path) -> float:
    """The quota of one group: microseconds of time in each period."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        share = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max", or no controller
        return math.inf
    return share if share > 0 else math.inf

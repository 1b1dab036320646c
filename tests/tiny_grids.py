"""Grids of two tiny runs: their command lines and processes, and what came out of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from analysis import report
from experiments import run
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.commit import ROOT
from tests.preloaded import Command
from tests.tiny_runs import TINY, freeze, here, sets

LONG = "schedule.iterations=12"  # 48 steps: a node that dies must do so in the middle of them
BOTH = ("--only", "row=none", "--only", "row=both")


def line(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> list[str]:
    return typed(words(runs, *more, overrides=overrides))


def typed(words: list[str]) -> list[str]:
    return [sys.executable, "experiments/run.py", *words]


def words(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> list[str]:
    table = ["--tables", "2", "--profile", "cpu", "--seeds", "0", "--runs", str(runs), *more]
    return [*table, *sets(*TINY, LONG, "data.workers=0", *overrides)]


def call_here(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code and stderr of a driver that is this process, without Ray, which would stay in it."""
    return here(run, *words(runs, *more, overrides=overrides))[::2]


def call(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code and stderr."""
    done = subprocess.run(line(runs, *more, overrides=overrides), cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def records(runs: Path) -> dict[str, dict]:
    """What came out of the runs, without the clock."""
    return {
        folder.path.name: {k: v for k, v in asdict(folder.read_result()).items() if not k.endswith("seconds")}
        | {"losses": [row.values["loss"] for row in folder.read_metrics()]}
        for folder in runs_in(runs)
    }


def tables(runs: Path) -> list[str]:
    """Lines of the report's table in all formats, without the command typed, whose words differ."""
    out = runs.parent / f"{runs.name}-report"
    code, _, err = here(report, runs, "--out", out)
    assert code == 0, err
    lines = [line for kind in ("csv", "tex", "md") for line in (out / f"table2.{kind}").read_text().splitlines()]
    return [line for line in lines if "experiments/run.py" not in line]


def call_forked(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> tuple[int, str]:
    """Exit code and stderr of a driver whose workers are forked off it."""
    process = Command(words(runs, *more, overrides=overrides))
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def as_typed(words: list[str]) -> subprocess.Popen:
    """A driver whose workers import torch, each for itself, as a user's do."""
    return subprocess.Popen(typed(words), cwd=ROOT, stderr=subprocess.PIPE, text=True)


def started_grid(runs: Path, rows: int, *more: str, start=Command) -> tuple[subprocess.Popen | Command, RunFolder]:
    """A grid, and a run of it that has at least `rows` rows behind it and some before it, and is frozen there."""
    process = start(words(runs, *more))
    while process.poll() is None:
        for path in runs.glob("*/metrics.jsonl"):
            folder = RunFolder(path.parent)
            if path.read_bytes().count(b"\n") >= rows and not folder.is_done():
                freeze(owner(folder))
                return process, folder
        time.sleep(0.005)
    raise AssertionError(process.communicate()[1])


def owner(folder: RunFolder) -> int:
    """The process that has a run, by its lock."""
    return int(folder.lock.read_text().split()[1])


def orphans(runs: Path) -> list[str]:
    """Workers of these runs that live; their logs are open in there."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            log = Path(os.readlink(folder / "fd" / "2"))
            if log.is_relative_to(runs) and log.parent.name == "logs":  # of both executors, forked or not
                alive.append(folder.name)
        except OSError:
            continue
    return alive

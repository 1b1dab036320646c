"""Runs of seconds: their command lines, their processes, and what differs between two."""

from __future__ import annotations

import io
import os
import signal
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from experiments.records.run_folder import RunFolder
from tests.preloaded import Command

CLOCKS = ("images_per_s", "wait")  # of a row of metrics
TINY = (
    "schedule.iterations=3 schedule.warmup=1 schedule.batch=4 schedule.checkpoint_every=2 data.train_images=16 "
    "data.val_images=4 model.width=0.25 model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()
LONGER = ("schedule.iterations=6",)  # 24 steps


def sets(*overrides: str) -> list[str]:
    """As words of the command line."""
    return [word for text in overrides for word in ("--set", text)]


def words(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> list[str]:
    """The command line of a run in this process alone."""
    return ["--runs", str(runs), *sets(*TINY, "data.workers=0", *overrides), *more]


def here(module, *line: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a module's command with these words, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with mock.patch("sys.argv", [module.__file__, *map(str, line)]), redirect_stdout(out), redirect_stderr(err):
        code = module.main()
    return code, out.getvalue(), err.getvalue()


def started(runs: Path, rows: int, *overrides: str) -> Command:
    """A process that has at least `rows` rows of metrics behind it, and is frozen there."""
    process = Command(words(runs, overrides=(*LONGER, *overrides)))
    while process.poll() is None:
        if any(path.read_bytes().count(b"\n") >= rows for path in runs.glob("*/metrics.jsonl")):
            freeze(process.pid)
            return process
        time.sleep(0.005)
    return process


def freeze(pid: int) -> None:
    """A tiny run would end while a test on a busy machine still looks at it. SIGKILL ends a frozen process, too."""
    os.kill(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """What was sent meanwhile is delivered first."""
    os.kill(pid, signal.SIGCONT)


def differences(a: RunFolder, b: RunFolder) -> list[str]:
    """What is not equal bit for bit: losses of every step, curve, weights, detections, matches, metrics."""
    different = []
    rows = [[(row.step, without_clocks(row.values)) for row in folder.read_metrics()] for folder in (a, b)]
    if rows[0] != rows[1]:
        different.append(f"metrics of {a.path}")
    if a.read_curve() != b.read_curve():
        different.append(f"curve of {a.path}")
    states = [tensors(torch.load(folder.checkpoint, weights_only=True)) for folder in (a, b)]
    if states[0].keys() != states[1].keys():
        different.append(f"names in {a.checkpoint}")
    unequal = [name for name, x in states[0].items() if not torch.equal(x, states[1].get(name, x[:0]))]
    different += [f"{name} of {a.checkpoint}" for name in unequal]
    for path in sorted(b.path.glob("*.npz")):
        with np.load(a.path / path.name) as first, np.load(path) as second:
            names = [name for name in second if not np.array_equal(first[name], second[name])]
        different += [f"{name} of {a.path / path.name}" for name in names]
    results = [replace(folder.read_result(), train_seconds=0.0, eval_seconds=0.0) for folder in (a, b)]
    return different + [f"done of {a.path}"] * (results[0] != results[1])


def without_clocks(values: dict) -> dict:
    return {name: value for name, value in values.items() if name not in CLOCKS}


def tensors(state: dict, prefix: str = "") -> dict[str, torch.Tensor]:
    """All tensors of nested dictionaries, by dotted name, flat."""
    flat = {}
    for key, value in state.items():
        if isinstance(value, dict):
            flat |= tensors(value, f"{prefix}{key}.")
        elif isinstance(value, torch.Tensor):
            flat[f"{prefix}{key}"] = value.flatten()
    return flat

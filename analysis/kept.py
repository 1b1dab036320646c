"""The small record of a run in a kept report: what the report needs of it, without weights, detections and matches.

`kept.json` of a run stands in the place of its metrics and matches: a few points of its loss, and its AP in each draw
of the images. A report is made of the same figures whether it reads them here or computes them: both are rounded alike.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from experiments.records.files import read_record, write_record
from experiments.records.run_folder import RunFolder
from experiments.records.schema import StepRow

AGAIN = "Keep the report again: report.py RUNS --keep DIR."
NAME = "kept.json"
POINTS = 40  # of a loss curve, each the mean of its part of the training
STEP = 0.002  # percent AP: a thousandth of the noise that images make
NO_OBJECT = 2**16 - 1  # of a draw without any


@dataclass(frozen=True)
class KeptDraws:
    """AP of some metrics in each draw; or a sentence why not."""

    metrics: tuple[str, ...]
    reason: str
    images: int
    digest: str  # of their ids
    codes: str  # base64 of little-endian uint16, AP in STEP

    def __post_init__(self):
        decoded(self.codes)


@dataclass(frozen=True)
class LossPoint:
    step: int
    loss: float | None


@dataclass(frozen=True)
class KeptRun:
    resamples: int
    seed: int  # of the draws
    draws: tuple[KeptDraws, ...]
    losses: tuple[LossPoint, ...]

    def __post_init__(self):
        if any(len(decoded(item.codes)) not in (0, self.resamples) for item in self.draws):
            raise ValueError(f"it does not hold {self.resamples} draws")

    @cached_property
    def by_metrics(self) -> dict[tuple[str, ...], KeptDraws]:
        return {item.metrics: item for item in self.draws}


def kept_run(folder: Path) -> KeptRun | None:
    """None of a run that is whole, or was made whole after it had been kept unfinished. Raises RecordError."""
    path = folder / NAME
    return read_record(path, KeptRun, AGAIN) if path.is_file() and not RunFolder(folder).matches.is_file() else None


def encoded(ap: np.ndarray) -> str:
    """(R,) percent, NaN where a draw holds no object."""
    codes = np.where(np.isnan(ap), NO_OBJECT, np.rint(np.nan_to_num(ap) / STEP))
    return base64.b64encode(codes.astype("<u2").tobytes()).decode()


def decoded(codes: str) -> np.ndarray:
    """(R,) percent. Raises ValueError."""
    values = np.frombuffer(base64.b64decode(codes, validate=True), "<u2")
    return np.where(values == NO_OBJECT, np.nan, values * STEP)


def loss_curve(folder: RunFolder) -> tuple[LossPoint, ...]:
    """At most POINTS means of the loss, each at the last step of its part. Raises RecordError."""
    kept = kept_run(folder.path)
    if kept is not None:
        return kept.losses
    rows = folder.read_metrics()
    width = max(1, -(-rows[-1].step // POINTS)) if rows else 1
    groups: dict[int, list[StepRow]] = {}
    for row in rows:
        groups.setdefault((row.step - 1) // width, []).append(row)
    return tuple(LossPoint(group[-1].step, _mean(group)) for group in groups.values())


def _mean(rows: list[StepRow]) -> float | None:
    losses = [row.values["loss"] for row in rows if row.values.get("loss") is not None]
    return float(np.mean(losses)) if losses else None


def keep_run(source: RunFolder, kept: KeptRun, target: RunFolder) -> None:
    """Record, result, failure and curve as they are; of the metrics the last row, which says how far it came."""
    target.path.mkdir(parents=True)
    for name in ("run", "done", "failed", "curve"):
        path = getattr(source, name)
        if path.is_file():
            getattr(target, name).write_bytes(path.read_bytes())
    if rows := source.read_metrics()[-1:]:
        target.append([StepRow(row.step, {k: v for k, v in row.values.items() if k == "loss"}) for row in rows])
    write_record(target.path / NAME, kept)

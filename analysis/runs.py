"""The runs of a folder, each read once; and one flat table of them: a row a run, and the reason of every hole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.records.files import RecordError, hash_of
from experiments.records.run_folder import RunFolder, runs_in
from experiments.records.schema import METRICS, SIZE_METRICS, Result, RunRecord

NAMES = ("run", "assigner", "dataset", "seed", "backbone", "steps", "recipe", "settings", "status")
NUMBERS = (*METRICS, "train_seconds")
COLUMNS = (*NAMES, *NUMBERS, "reason")


@dataclass(frozen=True)
class Run:
    """What one run folder says."""

    id: str
    path: Path
    status: str  # done, failed, unfinished, not run
    reason: str  # why there is no result, or what the result lacks
    record: RunRecord | None = None  # None where run.json cannot be read
    result: Result | None = None  # of a run that is done

    @property
    def recipe(self) -> str:
        """Hash of what compared runs have in common; "" where it is not known."""
        return self.record.common_hash if self.record else ""

    def recipe_without(self, keys: Collection[str]) -> str:
        """The hash as if these fields of the recipe were equal in all runs."""
        options = {key: value for key, value in self.record.options.items() if key not in keys}
        return hash_of([options, {name: vars(split) for name, split in self.record.data.items()}])

    def percent(self, metric: str) -> float | None:
        """metric: a metric of the result, or "class:NAME". None where there is none."""
        if self.result is None:
            return None
        kind, _, name = metric.partition(":")
        value = self.result.per_class.get(name) if kind == "class" else self.result.metrics.get(metric)
        return None if value is None else 100 * float(value)

    def mean_percent(self, metrics: tuple[str, ...]) -> float | None:
        """Mean of some metrics; None where one has none."""
        values = [self.percent(name) for name in metrics]
        return None if None in values else sum(values) / len(values)


def read_runs(folder: Path) -> list[Run]:
    """Of all run folders directly below `folder`, by name. RecordError where there is no such folder."""
    return [_read(run) for run in runs_in(folder)]


def absent_run(run: str, folder: Path) -> Run:
    """Of a run that a table names and that has no folder."""
    return Run(run, folder / run, "not run", "not run")


def frame_of(runs: list[Run]) -> pd.DataFrame:
    """One row a run, with COLUMNS; AP in percent.

    recipe: hash of all that is neither method nor seed, so equal where two runs may be compared.
    settings: of the method, those that are not the default; and the head, where it has another's style.
    """
    table = pd.DataFrame([_row(run) for run in runs], columns=COLUMNS)
    numbers = dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(("seed", "steps"), "Int64")
    return table.astype(numbers)


def _read(folder: RunFolder) -> Run:
    try:
        record = folder.read_run()
    except RecordError as error:
        return _run(folder, "unfinished", f"unreadable run.json: {error}")
    if folder.is_done():
        try:
            result = folder.read_result()
        except RecordError as error:
            return _run(folder, "unfinished", f"unreadable done: {error}", record)
        return _run(folder, "done", _lacking(record, result), record, result)
    failure = _failure(folder)
    if failure:
        return _run(folder, "failed", failure, record)
    return _run(folder, "unfinished", _progress(folder, record.steps), record)


def _run(
    folder: RunFolder, status: str, reason: str, record: RunRecord | None = None, result: Result | None = None
) -> Run:
    """A report may be read on another machine: reasons name the run, not where its folder is."""
    return Run(folder.path.name, folder.path, status, reason.replace(f"{folder.path.parent}/", ""), record, result)


def _lacking(record: RunRecord, result: Result) -> str:
    """Which metrics have no value, though the protocol has them."""
    sized = record.protocol.by_size
    empty = [name for name in METRICS if result.metrics[name] is None and (sized or name not in SIZE_METRICS)]
    return f"no ground truth for {', '.join(empty)}" if empty else ""


def _failure(folder: RunFolder) -> str:
    """What the run's `failed` says; "" where there is none."""
    try:
        failure = folder.read_failed()
    except RecordError as error:
        return f"failed: its reason is unreadable: {error}"
    return f"failed: {' '.join(failure.reason.split())}" if failure else ""


def _progress(folder: RunFolder, total: int) -> str:
    """Why an unfinished run has no result yet, as far as its files tell."""
    try:
        rows = folder.read_metrics()
    except RecordError as error:
        return f"unreadable metrics.jsonl: {error}"
    last = rows[-1] if rows else None
    if last and last.step >= total:
        return f"not evaluated: all {total} steps are trained"
    broken = ", the loss is not finite" if last and last.values.get("loss", 0) is None else ""
    return f"not finished: step {last.step if last else 0} of {total}{broken}"


def _row(run: Run) -> dict:
    row = {"run": run.id, "status": run.status, "reason": run.reason}
    if run.record:
        r = run.record
        settings = ", ".join(f"{name}={value}" for name, value in (r.changed | r.style).items())
        row |= {"assigner": r.assigner, "dataset": r.dataset, "seed": r.seed, "backbone": r.backbone}
        row |= {"steps": r.steps, "recipe": run.recipe, "settings": settings}
    if run.result:
        row |= {name: run.percent(name) for name in METRICS} | {"train_seconds": run.result.train_seconds}
    return row

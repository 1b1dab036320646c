"""Hours of cores, or of GPUs where runs have any, whatever the number of workers: spent so far, and of runs to come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from experiments.grid.entries import TableEntry
from experiments.grid.executors import Share
from experiments.records.run_folder import RunFolder


def seconds_done(entries: Iterable[TableEntry], runs: Path) -> dict[str, float]:
    """By run, of those that are done: training and all evaluations, on the clock of whoever made it."""
    by_run = {entry.id: entry for entry in entries if entry.id and RunFolder(runs / entry.id).is_done()}
    results = {name: RunFolder(runs / name).read_result() for name in by_run}
    evaluations = {name: entry.recipe.schedule.evaluations for name, entry in by_run.items()}
    return {name: r.train_seconds + evaluations[name] * r.eval_seconds for name, r in results.items()}


def expected_seconds(new: Iterable[TableEntry], known: Iterable[TableEntry], seconds: dict[str, float]) -> float:
    """Of runs that are not done, by their row's mean; runs that are shared count once, unknown ones as 0."""
    rows: dict[tuple, list[float]] = {}
    for entry in known:
        if entry.id in seconds:
            rows.setdefault(_row(entry), []).append(seconds[entry.id])
    by_run = {entry.id: mean(rows.get(_row(entry), [0.0])) for entry in new if entry.id and entry.id not in seconds}
    return sum(by_run.values())


def devices(share: Share) -> float:
    """That a run occupies: GPUs, or cores where it has none."""
    gpus = 1.0 if share.gpus is None else share.gpus
    return gpus or float(share.cpus * share.processes)


def _row(entry: TableEntry) -> tuple[int, str, str]:
    return entry.table, entry.row.name, entry.key

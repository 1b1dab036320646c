"""Hours of cores, or of GPUs where runs have any, whatever the number of workers: spent so far, and of runs to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from experiments.cli.options import Options
from experiments.grid.choose import share_of_a_run
from experiments.grid.entries import TableEntry
from experiments.grid.executors import Share
from experiments.records.run_folder import RunFolder


@dataclass(frozen=True)
class Account:
    """What the runs of a grid have taken, from which follows what others will take."""

    known: tuple[TableEntry, ...]
    seconds: dict[str, float]  # by run, of those that are done: training and all evaluations, on its maker's clock
    devices: float  # that a run occupies

    @property
    def hours(self) -> float:
        """Spent."""
        return sum(self.seconds.values()) * self.devices / 3600

    def expected_hours(self, new: Iterable[TableEntry]) -> float:
        """Of runs that are not done, by their row's mean; runs that are shared count once, unknown ones as 0."""
        rows: dict[tuple, list[float]] = {}
        for entry in self.known:
            if entry.id in self.seconds:
                rows.setdefault(_row(entry), []).append(self.seconds[entry.id])
        todo = [entry for entry in new if entry.id and entry.id not in self.seconds]
        by_run = {entry.id: mean(rows.get(_row(entry), [0.0])) for entry in todo}
        return sum(by_run.values()) * self.devices / 3600


def account_of(entries: Iterable[TableEntry], options: Options) -> Account:
    """Of the runs of these entries that are done."""
    known = tuple(entries)
    by_run = {entry.id: entry for entry in known if entry.id and RunFolder(options.runs / entry.id).is_done()}
    seconds = {name: _seconds(RunFolder(options.runs / name), entry) for name, entry in by_run.items()}
    return Account(known, seconds, _devices(share_of_a_run(options)))


def _seconds(folder: RunFolder, entry: TableEntry) -> float:
    result = folder.read_result()
    return result.train_seconds + entry.recipe.schedule.evaluations * result.eval_seconds


def _devices(share: Share) -> float:
    """GPUs, or cores where a run has none."""
    gpus = 1.0 if share.gpus is None else share.gpus
    return gpus or float(share.cpus * share.processes)


def _row(entry: TableEntry) -> tuple[int, str, str]:
    return entry.table, entry.row.name, entry.key

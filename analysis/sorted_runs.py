"""Which runs of a table count, and why others are left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from analysis.effects import Runs
from analysis.runs import Run, absent_run
from analysis.table import Hole
from experiments.records.table_schema import EntryRecord, RowRecord, TableRecord

OTHER = "other recipe"


@dataclass(frozen=True)
class Sorted:
    """The runs of a table, and why some of them are left out."""

    done: Runs  # that count
    mixed: set[tuple[str, str]]  # (entry, row) of another recipe than most
    holes: dict[tuple[str, str], list[Hole]]  # of (entry, row)


def sort_runs(record: TableRecord, runs: dict[str, Run], folder: Path, mix: bool) -> Sorted:
    sort = Sorted({entry: {} for entry in record.entries}, set(), {})
    for entry in record.entries:
        by_row = {row.name: _runs(row, entry, runs, folder) for row in record.rows}
        finished = [run for by_seed in by_row.values() for run in by_seed.values() if run.status == "done"]
        common = Counter(run.recipe for run in finished).most_common(1)
        reference = next((run for run in finished if run.recipe == common[0][0]), None)
        for row in record.rows:
            fields_of = {run.id: _other(run, reference, record.searched) for run in by_row[row.name].values()}
            _sort_row(sort, row, entry, by_row[row.name], fields_of, mix)
    return sort


def _runs(row: RowRecord, entry: str, runs: dict[str, Run], folder: Path) -> dict[int, Run]:
    record = row.entries.get(entry)
    return {} if record is None else {seed: runs.get(i) or absent_run(i, folder) for seed, i in record.runs.items()}


def _sort_row(
    sort: Sorted, row: RowRecord, entry: str, by_seed: dict[int, Run], fields_of: dict[str, set[str]], mix: bool
) -> None:
    """fields_of: of each run, in what its recipe is another than most."""
    record = row.entries.get(entry, EntryRecord("", ""))
    holes = sort.holes.setdefault((entry, row.name), [])
    sort.done[entry][row.name] = counted = {}
    if not by_seed:
        holes.append(Hole(row.name, record.dataset, row.reason or record.reason or "not planned"))
    for seed, run in sorted(by_seed.items()):
        reason = run.reason
        if run.status == "done":
            fields = fields_of[run.id]
            if fields <= row.declared or mix:
                counted[seed] = run
                sort.mixed.update({(entry, row.name)} if fields else ())
                continue
            reason = f"{OTHER} than most rows: {', '.join(sorted(fields))} (--mix shows it)"
        where = f"{record.dataset} seed {seed}, run {run.id}"
        holes.append(Hole(row.name, where, row.reason or record.reason or reason))


def _other(run: Run, reference: Run | None, searched: set[str]) -> set[str]:
    """Keys in which a run's recipe is not the reference's; "data" for other images of the same recipe.

    searched: keys that the same search set for each method; they make no other recipe.
    """
    if run.status != "done" or run.recipe == reference.recipe:
        return set()
    a, b = run.record.options, reference.record.options
    return ({key for key in a.keys() | b.keys() if a.get(key) != b.get(key)} or {"data"}) - searched

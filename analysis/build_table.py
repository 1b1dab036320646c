"""From what a table is made of, and the runs, to the table: means, marks, holes, comparisons, certificates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis.certificate import certify
from analysis.claims import judged_claims
from analysis.compare import Runs, comparisons, rankings
from analysis.draws import Draws
from analysis.runs import Run, absent_run
from analysis.stats import mean_of, paired
from analysis.table import Certificate, Hole, PrintedValue, Row, Table
from experiments.records.table_schema import ColumnRecord, EntryRecord, RowRecord, TableRecord

FAILED, OTHER, UNTRUE = "failed", "other recipe", "no truth"


@dataclass(frozen=True)
class Sorted:
    """The runs of a table, and why some of them are left out."""

    done: Runs  # that count
    mixed: set[tuple[str, str]]  # (entry, row) of another recipe than most
    holes: dict[tuple[str, str], list[Hole]]  # of (entry, row)


def build_table(record: TableRecord, runs: dict[str, Run], folder: Path, draws: Draws, mix: bool) -> Table:
    """mix: show and compare rows of different recipes, too."""
    sort = _sort(record, runs, folder, mix)
    versus = comparisons(record, sort.done, draws)
    rows = [
        Row(r.name, "; ".join(filter(None, (r.differs, r.keeps))), (), tuple(c for c in versus if c.row == r.name))
        for r in record.rows
    ]
    columns = [_column(record, column, sort) for column in record.columns]
    rows = [replace(row, values=tuple(column[i] for column in columns)) for i, row in enumerate(rows)]
    return Table(
        number=record.number,
        name=record.name,
        title=record.title,
        profile=record.profile,
        command=record.command,
        data=_data(record),
        columns=tuple(column.name for column in record.columns),
        rows=tuple(rows),
        claims=tuple(judged_claims(record, sort.done, draws)),
        rankings=tuple(rankings(record, sort.done, draws)),
        holes=tuple(hole for holes in sort.holes.values() for hole in holes),
        certificates=tuple(_certificates(sort)),
    )


def _sort(record: TableRecord, runs: dict[str, Run], folder: Path, mix: bool) -> Sorted:
    sort = Sorted({entry: {} for entry in record.entries}, set(), {})
    for entry in record.entries:
        by_row = {row.name: _runs(row, entry, runs, folder) for row in record.rows}
        finished = [run for by_seed in by_row.values() for run in by_seed.values() if run.status == "done"]
        common = Counter(run.recipe for run in finished).most_common(1)
        reference = next((run for run in finished if run.recipe == common[0][0]), None)
        for row in record.rows:
            _sort_row(sort, row, entry, by_row[row.name], reference, mix)
    return sort


def _runs(row: RowRecord, entry: str, runs: dict[str, Run], folder: Path) -> dict[int, Run]:
    record = row.entries.get(entry)
    return {} if record is None else {seed: runs.get(i) or absent_run(i, folder) for seed, i in record.runs.items()}


def _sort_row(
    sort: Sorted, row: RowRecord, entry: str, by_seed: dict[int, Run], reference: Run | None, mix: bool
) -> None:
    record = row.entries.get(entry, EntryRecord("", ""))
    holes = sort.holes.setdefault((entry, row.name), [])
    sort.done[entry][row.name] = counted = {}
    if not by_seed:
        holes.append(Hole(row.name, record.dataset, row.reason or record.reason or "not planned"))
    for seed, run in sorted(by_seed.items()):
        reason = run.reason
        if run.status == "done":
            other = _other(run, reference)
            if other <= row.declared or mix:
                counted[seed] = run
                sort.mixed.update({(entry, row.name)} if other else ())
                continue
            reason = f"{OTHER} than most rows: {', '.join(sorted(other))} (--mix shows it)"
        where = f"{record.dataset} seed {seed}, run {run.id}"
        holes.append(Hole(row.name, where, row.reason or record.reason or reason))


def _other(run: Run, reference: Run) -> set[str]:
    """Keys in which a run's recipe is not the reference's; "data" for other images of the same recipe."""
    if run.recipe == reference.recipe:
        return set()
    a, b = run.record.options, reference.record.options
    return {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)} or {"data"}


def _column(record: TableRecord, column: ColumnRecord, sort: Sorted) -> list[PrintedValue]:
    percents = {
        row.name: {
            seed: percent
            for seed, run in sort.done[column.entry][row.name].items()
            if (percent := run.percent(column.metric)) is not None
        }
        for row in record.rows
    }
    printed = [_printed(row, column, percents[row.name], sort) for row in record.rows]
    pure = {row.name for row in record.rows if (column.entry, row.name) not in sort.mixed and percents[row.name]}
    best, second = best_rows({name: percents[name] for name in pure})
    told = len(best) == 1 and bool(second) and all(len(percents[name]) > 1 for name in (*best, *second))
    marks = dict.fromkeys(best, "best") if told else {}
    return [replace(value, mark=marks.get(row.name, "")) for row, value in zip(record.rows, printed, strict=True)]


def _printed(row: RowRecord, column: ColumnRecord, percents: dict[int, float], sort: Sorted) -> PrintedValue:
    key, runs = (column.entry, row.name), sort.done[column.entry][row.name]
    hole = "" if percents else (UNTRUE if runs else _short(sort.holes[key]))
    return PrintedValue(
        paper=row.paper.get(column.name),
        same_data=_same_data(row.entries.get(column.entry)),
        ours=mean_of(list(percents.values())),
        hole=hole,
        mixed=key in sort.mixed,
        runs=tuple(run.id for run in runs.values()),
    )


def _same_data(entry: EntryRecord | None) -> bool:
    """Whether the figures are of the dataset that the paper's are of."""
    return entry is not None and entry.dataset == entry.stands_for


def _short(holes: list[Hole]) -> str:
    """The reason of a hole in a few words; all of it is below the table."""
    reason = holes[0].reason
    words = {"failed": FAILED, OTHER: OTHER, "not finished: step ": reason.removeprefix("not finished: ")}
    short = next((text for start, text in words.items() if reason.startswith(start)), reason)
    return short if len(short) <= 40 else f"{short[:37].rsplit(' ', 1)[0]} …"


def best_rows(percents: dict[str, dict[int, float]]) -> tuple[list[str], list[str]]:
    """The best rows and the second; rows within noise of the first of a rank share it. percents: row -> seed -> AP."""
    remaining = sorted(percents, key=lambda name: -np.mean(list(percents[name].values())))
    ranks = []
    for _ in range(2):
        ranks.append([name for name in remaining if tied(percents[remaining[0]], percents[name])])
        remaining = [name for name in remaining if name not in ranks[-1]]
    return ranks[0], ranks[1]


def tied(a: dict[int, float], b: dict[int, float]) -> bool:
    """Printed alike, or their paired difference over shared seeds holds 0 in its 95 % interval."""
    if f"{np.mean(list(a.values())):.1f}" == f"{np.mean(list(b.values())):.1f}":
        return True
    difference = paired(np.array([a[s] - b[s] for s in a.keys() & b.keys()] or [1.0]))
    return difference.known and abs(difference.value) <= difference.half


def _data(record: TableRecord) -> tuple[str, ...]:
    entries = [row.entries[key] for key in record.entries for row in record.rows if key in row.entries]
    names = (f"{e.dataset} for {e.stands_for}" if e.stands_for else e.dataset for e in entries)
    return tuple(dict.fromkeys(names))


def _certificates(sort: Sorted) -> list[Certificate]:
    """One an entry, of the rows that share a recipe; a mixed row is marked in the table instead."""
    pure = {
        entry: {row: by_seed for row, by_seed in rows.items() if by_seed and (entry, row) not in sort.mixed}
        for entry, rows in sort.done.items()
    }
    return [certify(entry, rows) for entry, rows in pure.items() if len(rows) > 1]

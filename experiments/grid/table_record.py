"""What a table consists of, for the analysis, which knows no matrix: `runs/tables/<profile>-table<N>.json`."""

from __future__ import annotations

from experiments.grid.entries import TableEntry
from experiments.grid.heads import kept
from experiments.grid.matrices import Matrix, MatrixRow
from experiments.records.table_schema import EntryRecord, RowRecord, TableRecord


def table_record(matrix: Matrix, profile: str, command: str, entries: list[TableEntry]) -> TableRecord:
    """The complete table, whatever part of it is about to run."""
    rows = tuple(_row(row, matrix, [entry for entry in entries if entry.row == row]) for row in matrix.rows)
    return TableRecord(matrix.table, matrix.title, profile, command, matrix.columns, rows, matrix.head)


def _row(row: MatrixRow, matrix: Matrix, entries: list[TableEntry]) -> RowRecord:
    return RowRecord(
        name=row.name,
        method=row.method,
        against=row.against,
        differs=" ".join(text.removeprefix("assigner.") for text in row.set),
        reason=row.reason,
        entries={key: _entry([entry for entry in entries if entry.key == key]) for key in matrix.datasets},
        paper=row.paper,
        keeps=next((kept(entry.recipe) for entry in entries if entry.recipe), ""),
    )


def _entry(seeds: list[TableEntry]) -> EntryRecord:
    first = seeds[0]
    runs = {entry.seed: entry.id for entry in seeds if entry.id}
    return EntryRecord(first.dataset, first.stands_for, runs, first.reason)

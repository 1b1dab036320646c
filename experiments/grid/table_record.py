"""What a table consists of, for the analysis, which knows no matrix: `runs/tables/`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from experiments.grid.changes import changes, search_recipe, table_recipe
from experiments.grid.entries import TableEntry, own_settings
from experiments.grid.heads import kept, kept_of
from experiments.grid.matrices import Matrix, MatrixRow, Profile
from experiments.records.table_schema import EntryRecord, RowRecord, TableRecord


def table_record(
    matrix: Matrix, profile: Profile, overrides: Iterable[str], command: str, entries: list[TableEntry]
) -> TableRecord:
    """The complete table, whatever part of it is about to run. overrides: key=value of --set."""
    overrides = tuple(overrides)
    rows = tuple(_row(row, matrix, profile, overrides, [e for e in entries if e.row == row]) for row in matrix.rows)
    return TableRecord(
        number=matrix.table,
        title=matrix.title,
        profile=profile.name,
        command=command,
        columns=matrix.columns,
        rows=rows,
        head=matrix.head,
        claims=matrix.claims,
        recipe=table_recipe(profile, matrix.tuned, overrides),
        overrides=tuple(f"{key}={value}" for key, value in changes(overrides).items()),
        tuned=profile.tuned,
        common=table_recipe(profile, False, overrides),
        search=search_recipe(profile, overrides),
        attributions=tuple(replace(item, keeps=_keeps(item.method, entries)) for item in matrix.attributions),
    )


def _keeps(row: str, entries: list[TableEntry]) -> str:
    """Of the method of a row; "" where none of its runs has a recipe."""
    return next((kept_of(entry.recipe) for entry in entries if entry.row.name == row and entry.recipe), "")


def _row(
    row: MatrixRow, matrix: Matrix, profile: Profile, overrides: Iterable[str], entries: list[TableEntry]
) -> RowRecord:
    return RowRecord(
        name=row.name,
        method=row.method,
        against=row.against,
        differs=" ".join(text.removeprefix("assigner.") for text in row.set),
        reason=row.reason,
        entries={key: _entry([entry for entry in entries if entry.key == key]) for key in matrix.datasets},
        paper=row.paper,
        keeps=next((kept(entry.recipe) for entry in entries if entry.recipe), ""),
        reading_of=row.reading_of,
        tuned=" ".join(own_settings(row, matrix, profile, overrides)),
    )


def _entry(seeds: list[TableEntry]) -> EntryRecord:
    first = seeds[0]
    runs = {entry.seed: entry.id for entry in seeds if entry.id}
    return EntryRecord(first.dataset, first.stands_for, runs, first.reason)

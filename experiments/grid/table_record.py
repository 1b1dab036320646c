"""What a table consists of, for the analysis, which knows no matrix: `runs/tables/`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from experiments.grid.entries import TableEntry
from experiments.grid.heads import kept
from experiments.grid.matrices import Matrix, MatrixRow, Profile
from experiments.recipes.yaml_text import scalar
from experiments.records.files import hash_of
from experiments.records.schema import NO_EFFECT
from experiments.records.table_schema import EntryRecord, RowRecord, TableRecord


def table_record(
    matrix: Matrix, profile: Profile, overrides: Iterable[str], command: str, entries: list[TableEntry]
) -> TableRecord:
    """The complete table, whatever part of it is about to run. overrides: key=value of --set."""
    rows = tuple(_row(row, matrix, [entry for entry in entries if entry.row == row]) for row in matrix.rows)
    changes = _changes(overrides)
    return TableRecord(
        number=matrix.table,
        title=matrix.title,
        profile=profile.name,
        command=command,
        columns=matrix.columns,
        rows=rows,
        head=matrix.head,
        claims=matrix.claims,
        recipe=hash_of([profile.datasets, _changes(profile.set) | changes])[:8],
        overrides=tuple(f"{key}={value}" for key, value in changes.items()),
        tuned=profile.tuned,
    )


def _changes(words: Iterable[str]) -> dict[str, Any]:
    """Those key=value that may change a result; of a key that stands twice the last."""
    pairs = {key: scalar(value) for key, _, value in (word.partition("=") for word in words)}
    idle = {f"{group}.{name}" for group, names in NO_EFFECT.items() for name in names}
    return {key: value for key, value in pairs.items() if key not in idle}


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
        reading_of=row.reading_of,
    )


def _entry(seeds: list[TableEntry]) -> EntryRecord:
    first = seeds[0]
    runs = {entry.seed: entry.id for entry in seeds if entry.id}
    return EntryRecord(first.dataset, first.stands_for, runs, first.reason)

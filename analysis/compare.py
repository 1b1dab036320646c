"""Pairs of rows: the difference of their AP over shared seeds and images, and what it says of the paper's ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from analysis.draws import Draws
from analysis.effects import Rows, Term, effect_of
from analysis.runs import Run
from analysis.stats import holm
from analysis.table import Comparison, Ranking
from experiments.records.table_schema import ColumnRecord, RowRecord, TableRecord

Runs = dict[str, Rows]  # entry -> row -> seed -> run


def compare(
    row: str, against: str, entry: str, first: dict[int, Run], second: dict[int, Run], draws: Draws
) -> Comparison:
    """Of two rows' finished runs by seed; p is not corrected yet."""
    effect = effect_of((Term(1, row), Term(-1, against)), {row: first, against: second}, draws)
    difference = effect.paired
    p = difference.p if difference else None
    return Comparison(row, against, entry, difference, p, effect.note, effect.mixed)


def comparisons(table: TableRecord, runs: Runs, draws: Draws) -> list[Comparison]:
    """Of every row with its `against` row, on each entry; Holm over all of them."""
    return corrected(
        [
            compare(r.name, r.against, e, runs[e].get(r.name, {}), runs[e].get(r.against, {}), draws)
            for e in table.entries
            for r in table.rows
            if r.against and table.first(e)
        ]
    )


def rankings(table: TableRecord, runs: Runs, draws: Draws) -> list[Ranking]:
    """Of every two rows that the paper ranks by AP, on each entry; Holm over all of them."""
    ranked = [
        (*_ranked(*pair, column.name), entry)
        for entry, column in _ranking_columns(table)
        for pair in _pairs(table, column.name)
    ]
    ours = [
        compare(up.name, low.name, e, runs[e].get(up.name, {}), runs[e].get(low.name, {}), draws)
        for up, low, _, e in ranked
    ]
    return [Ranking(gap, c) for (_, _, gap, _), c in zip(ranked, corrected(ours), strict=True)]


def _ranking_columns(table: TableRecord) -> Iterator[tuple[str, ColumnRecord]]:
    for entry in table.entries:
        column = table.first(entry)
        if column:
            yield entry, column


def _pairs(table: TableRecord, column: str) -> list[tuple[RowRecord, RowRecord]]:
    rows = [row for row in table.rows if column in row.paper and not row.reason]
    return [(a, b) for a, b in combinations(rows, 2) if a.paper[column] != b.paper[column]]


def _ranked(a: RowRecord, b: RowRecord, column: str) -> tuple[RowRecord, RowRecord, float]:
    """The paper's better one first, and by how much, percent."""
    up, low = (a, b) if a.paper[column] > b.paper[column] else (b, a)
    return up, low, up.paper[column] - low.paper[column]


def corrected(items: list[Comparison]) -> list[Comparison]:
    """p by Holm over the list."""
    return [replace(c, p=p) for c, p in zip(items, holm([c.p for c in items]), strict=True)]

"""Pairs of rows: the difference of their AP over shared seeds and images, and what it says of the paper's ranking."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from analysis.draws import Draws
from analysis.effects import Effect, Runs, Term, effect_of, estimates_of
from analysis.rule import SPENT
from analysis.stats import LEVEL, half_width
from analysis.table import Comparison, Difference, Ranking
from experiments.records.table_schema import ColumnRecord, RowRecord, TableRecord

Pair = tuple[str, str, str]  # row, against, entry


def comparisons(table: TableRecord, runs: Runs, draws: Draws) -> list[Comparison]:
    """Of every row with its `against` row, on each entry; each interval by itself holds with 95 %."""
    pairs = [(r.name, r.against, e) for e in table.entries for r in table.rows if r.against and table.first(e)]
    return compared(pairs, runs, draws, LEVEL)


def rankings(table: TableRecord, runs: Runs, draws: Draws) -> list[Ranking]:
    """Of every two rows that the paper ranks by AP, on each entry.

    Where the table has no claims they are its family, whose intervals hold together; else each holds by itself.
    """
    ranked = [
        (*_ranked(*pair, column.name), entry)
        for entry, column in _ranking_columns(table)
        for pair in _pairs(table, column.name)
    ]
    level = LEVEL if table.claims else SPENT * LEVEL / max(len(ranked), 1)
    ours = compared([(up.name, low.name, entry) for up, low, _, entry in ranked], runs, draws, level)
    return [Ranking(gap, c) for (_, _, gap, _), c in zip(ranked, ours, strict=True)]


def compared(pairs: list[Pair], runs: Runs, draws: Draws, level: float) -> list[Comparison]:
    """With one noise for all of them. level: two-sided, of each interval."""
    effects = [effect_of((Term(1, a, entry), Term(-1, b, entry)), runs, draws) for a, b, entry in pairs]
    now = estimates_of(effects, sorted({seed for effect in effects for seed in effect.by_seed}))
    of_images = half_width(level, (now.images, now.images_freedom))[0]
    halves = zip(now.half(level)[0], of_images, strict=True)
    return [
        Comparison(*pair, _difference(effect, *half), effect.note, effect.mixed)
        for pair, effect, half in zip(pairs, effects, halves, strict=True)
    ]


def _difference(effect: Effect, half: float, of_images: float) -> Difference | None:
    """With the images' noise alone where that of the seeds is not known."""
    if not effect.by_seed:
        return None
    values, known = list(effect.by_seed.values()), bool(effect.drawn)
    noise = {True: "seeds and images", False: "seeds"}[known] if np.isfinite(half) else "images" * known
    width = half if np.isfinite(half) else of_images
    return Difference(float(np.mean(values)), float(width) if noise else None, len(values), noise)


def _ranking_columns(table: TableRecord) -> Iterator[tuple[str, ColumnRecord]]:
    for entry in table.entries:
        column = table.first(entry)
        if column:
            yield entry, column


def _pairs(table: TableRecord, column: str) -> list[tuple[RowRecord, RowRecord]]:
    rows = [row for row in table.rows if column in row.paper and not row.reason and not row.reading_of]
    return [(a, b) for a, b in combinations(rows, 2) if a.paper[column] != b.paper[column]]


def _ranked(a: RowRecord, b: RowRecord, column: str) -> tuple[RowRecord, RowRecord, float]:
    """The paper's better one first, and by how much, percent."""
    up, low = (a, b) if a.paper[column] > b.paper[column] else (b, a)
    return up, low, up.paper[column] - low.paper[column]

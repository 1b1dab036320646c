"""From what a table is made of, and the runs, to the table: means, marks, holes, comparisons, certificates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from analysis.certificate import certify
from analysis.compare import Draws, comparisons, orders
from analysis.results import Run, missing
from analysis.stats import mean, paired
from analysis.table import Cell, Certificate, Hole, Row, Table
from analysis.table_spec import CellSpec, ColumnSpec, RowSpec, TableSpec

Cells = dict[str, dict[str, dict[int, Run]]]  # cell -> row -> seed -> run
FAILED, OTHER, UNTRUE = "failed", "other recipe", "no truth"


@dataclass(frozen=True)
class Sorted:
    """The runs of a table, and why others of it are left out."""

    done: Cells  # that count
    mixed: set[tuple[str, str]]  # (cell, row) of another recipe than most
    holes: dict[tuple[str, str], list[Hole]]  # of (cell, row)


def build(spec: TableSpec, runs: dict[str, Run], folder: Path, draws: Draws, mix: bool) -> Table:
    """mix: show and compare rows of different recipes, too."""
    sort = _sort(spec, runs, folder, mix)
    versus = comparisons(spec, sort.done, draws)
    holes = [hole for found in sort.holes.values() for hole in found]
    rows = [Row(r.name, r.differs, (), tuple(c for c in versus if c.row == r.name)) for r in spec.rows]
    columns = [_column(spec, column, sort) for column in spec.columns]
    rows = [replace(row, cells=tuple(column[i] for column in columns)) for i, row in enumerate(rows)]
    said = (spec.number, spec.name, spec.title, spec.profile, spec.command, _data(spec))
    names = tuple(column.name for column in spec.columns)
    order = tuple(orders(spec, sort.done, draws))
    return Table(*said, names, tuple(rows), order, tuple(holes), tuple(_certificates(spec, sort)))


def _sort(spec: TableSpec, runs: dict[str, Run], folder: Path, mix: bool) -> Sorted:
    sort = Sorted({cell: {} for cell in spec.cells}, set(), {})
    for cell in spec.cells:
        made = {row.name: _runs(row, cell, runs, folder) for row in spec.rows}
        finished = [run for of in made.values() for run in of.values() if run.status == "done"]
        common = Counter(run.recipe for run in finished).most_common(1)
        reference = next((run for run in finished if run.recipe == common[0][0]), None)
        for row in spec.rows:
            _sort_row(sort, row, cell, made[row.name], reference, mix)
    return sort


def _runs(row: RowSpec, cell: str, runs: dict[str, Run], folder: Path) -> dict[int, Run]:
    spec = row.cells.get(cell)
    return {} if spec is None else {seed: runs.get(i) or missing(i, folder) for seed, i in spec.runs.items()}


def _sort_row(sort: Sorted, row: RowSpec, cell: str, made: dict[int, Run], reference: Run | None, mix: bool) -> None:
    spec = row.cells.get(cell, CellSpec("", "", {}, ""))
    holes = sort.holes.setdefault((cell, row.name), [])
    sort.done[cell][row.name] = counted = {}
    if not made:
        holes.append(Hole(row.name, spec.dataset, row.reason or spec.reason or "not planned"))
    for seed, run in sorted(made.items()):
        what, reason = f"{spec.dataset} seed {seed}", run.reason
        if run.status == "done":
            other = _other(run, reference)
            if other <= row.declared or mix:
                counted[seed] = run
                sort.mixed.update({(cell, row.name)} if other else ())
                continue
            reason = f"{OTHER} than most rows: {', '.join(sorted(other))} (--mix shows it)"
        holes.append(Hole(row.name, f"{what}, run {run.id}", row.reason or spec.reason or reason))


def _other(run: Run, reference: Run) -> set[str]:
    """Keys in which a run's recipe is not the reference's; "data" for other images of the same recipe."""
    if run.recipe == reference.recipe:
        return set()
    mine, theirs = run.options(), reference.options()
    return {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)} or {"data"}


def _column(spec: TableSpec, column: ColumnSpec, sort: Sorted) -> list[Cell]:
    values = {
        row.name: {
            s: v for s, run in sort.done[column.cell][row.name].items() if (v := run.figure(column.metric)) is not None
        }
        for row in spec.rows
    }
    cells = [_cell(row, column, values[row.name], sort) for row in spec.rows]
    pure = {row.name for row in spec.rows if (column.cell, row.name) not in sort.mixed and values[row.name]}
    best, second = ranked({name: values[name] for name in pure})
    marks = dict.fromkeys(second, "second") | dict.fromkeys(best, "best")
    return [replace(cell, mark=marks.get(row.name, "")) for row, cell in zip(spec.rows, cells, strict=True)]


def _cell(row: RowSpec, column: ColumnSpec, values: dict[int, float], sort: Sorted) -> Cell:
    place, runs = (column.cell, row.name), sort.done[column.cell][row.name]
    hole = "" if values else (UNTRUE if runs else _short(sort.holes[place]))
    ids = tuple(run.id for run in runs.values())
    return Cell(row.paper.get(column.name), mean(list(values.values())), "", hole, place in sort.mixed, ids)


def _short(holes: list[Hole]) -> str:
    """The reason of a cell in a few words; the whole one stands below the table."""
    reason = holes[0].reason
    words = {"failed": FAILED, OTHER: OTHER, "not finished: step ": reason.removeprefix("not finished: ")}
    found = next((text for start, text in words.items() if reason.startswith(start)), reason)
    return found if len(found) <= 40 else f"{found[:37].rsplit(' ', 1)[0]} …"


def ranked(values: dict[str, dict[int, float]]) -> tuple[list[str], list[str]]:
    """The best rows and the second; rows within noise of the first of a place share it. values: row -> seed -> AP."""
    left = sorted(values, key=lambda name: -np.mean(list(values[name].values())))
    places = []
    for _ in range(2):
        places.append([name for name in left if tied(values[left[0]], values[name])])
        left = [name for name in left if name not in places[-1]]
    return places[0], places[1]


def tied(a: dict[int, float], b: dict[int, float]) -> bool:
    """Printed alike, or their paired difference over shared seeds holds 0 in its 95 % interval."""
    if f"{np.mean(list(a.values())):.1f}" == f"{np.mean(list(b.values())):.1f}":
        return True
    found = paired(np.array([a[s] - b[s] for s in a.keys() & b.keys()] or [1.0]))
    return found.known and abs(found.value) <= found.half


def _data(spec: TableSpec) -> tuple[str, ...]:
    cells = [row.cells[key] for key in spec.cells for row in spec.rows if key in row.cells]
    return tuple(dict.fromkeys(f"{c.dataset} for {c.stands_for}" if c.stands_for else c.dataset for c in cells))


def _certificates(spec: TableSpec, sort: Sorted) -> list[Certificate]:
    """One a cell, of the rows that share a recipe; a mixed row is marked in the table instead."""
    pure = {
        cell: {row: of for row, of in rows.items() if of and (cell, row) not in sort.mixed}
        for cell, rows in sort.done.items()
    }
    return [certify(cell, rows) for cell, rows in pure.items() if len(rows) > 1]

"""From what a table is made of, and the runs, to the table: means, marks, holes, comparisons, certificates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.certificate import certify
from analysis.claims import judged_claims
from analysis.compare import comparisons, rankings
from analysis.draws import Draws
from analysis.looks import looks_of, rule_words
from analysis.runs import Run
from analysis.shapley import shares_of
from analysis.share_words import share_blocks
from analysis.sorted_runs import OTHER, Sorted, sort_runs
from analysis.stats import LEVEL, Mean, half_width, mean_of
from analysis.table import Certificate, Hole, PrintedValue, Row, Table
from analysis.weights import starting_weights
from experiments.records.decision_schema import Decisions
from experiments.records.table_schema import ColumnRecord, EntryRecord, RowRecord, TableRecord

FAILED, UNTRUE = "failed", "no truth"


def build_table(
    record: TableRecord, runs: dict[str, Run], folder: Path, draws: Draws, mix: bool, decisions: Decisions | None = None
) -> Table:
    """mix: show and compare rows of different recipes, too; decisions: of a grid that added seeds by looks."""
    sort = sort_runs(record, runs, folder, mix)
    versus = comparisons(record, sort.done, draws)
    rows = [
        Row(r.name, "; ".join(filter(None, (r.differs, r.keeps))), (), tuple(c for c in versus if c.row == r.name))
        for r in record.rows
    ]
    shares = tuple(shares_of(item, sort.done[record.entries[0]]) for item in record.attributions)
    columns = [_column(record, column, sort, draws) for column in record.columns]
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
        claims=tuple(judged_claims(record, sort.done, looks_of(record, decisions), draws)),
        rule=rule_words(record, decisions),
        rankings=tuple(rankings(record, sort.done, draws)),
        holes=tuple(hole for holes in sort.holes.values() for hole in holes),
        certificates=tuple(_certificates(sort, frozenset(record.searched))),
        head=record.head_name,
        shares=shares,
        blocks=share_blocks(shares),
        weights=starting_weights(sort.done),
    )


def _column(record: TableRecord, column: ColumnRecord, sort: Sorted, draws: Draws) -> list[PrintedValue]:
    percents = {
        row.name: {
            seed: percent
            for seed, run in sort.done[column.entry][row.name].items()
            if (percent := run.percent(column.metric)) is not None
        }
        for row in record.rows
    }
    printed = [_printed(row, column, percents[row.name], sort, draws) for row in record.rows]
    pure = {row.name for row in record.rows if (column.entry, row.name) not in sort.mixed and percents[row.name]}
    best = best_rows({name: percents[name] for name in pure})
    marks = dict.fromkeys(best, "best") if len(best) == 1 < len(pure) else {}
    return [replace(value, mark=marks.get(row.name, "")) for row, value in zip(record.rows, printed, strict=True)]


def _printed(
    row: RowRecord, column: ColumnRecord, percents: dict[int, float], sort: Sorted, draws: Draws
) -> PrintedValue:
    key, runs = (column.entry, row.name), sort.done[column.entry][row.name]
    hole = "" if percents else (UNTRUE if runs else _short(sort.holes[key]))
    return PrintedValue(
        paper=row.paper.get(column.name),
        same_data=_same_data(row.entries.get(column.entry)),
        ours=_mean(percents, runs, column.metric, draws),
        hole=hole,
        mixed=key in sort.mixed,
        runs=tuple(run.id for run in runs.values()),
    )


def _mean(percents: dict[int, float], runs: dict[int, Run], metric: str, draws: Draws) -> Mean | None:
    """Over the seeds; of one seed with the noise of its images, where that is known."""
    mean = mean_of(list(percents.values()))
    drawn = draws.of(runs[next(iter(percents))], (metric,)) if len(percents) == 1 else ""
    if isinstance(drawn, str):
        return mean
    half = half_width(LEVEL, (np.nanvar(drawn.ap, ddof=1), max(drawn.images - 1, 1)))
    return replace(mean, half=float(half), noise="images")


def _same_data(entry: EntryRecord | None) -> bool:
    """Whether the figures are of the dataset that the paper's are of."""
    return entry is not None and entry.dataset == entry.stands_for


def _short(holes: list[Hole]) -> str:
    """The reason of a hole in a few words; all of it is below the table."""
    reason = holes[0].reason
    words = {"failed": FAILED, OTHER: OTHER, "not finished: step ": reason.removeprefix("not finished: ")}
    short = next((text for start, text in words.items() if reason.startswith(start)), reason)
    return short if len(short) <= 40 else f"{short[:37].rsplit(' ', 1)[0]} …"


def best_rows(percents: dict[str, dict[int, float]]) -> list[str]:
    """The row of the highest mean and all that it does not beat beyond noise. percents: row -> seed -> AP."""
    top = max(percents, key=lambda name: np.mean(list(percents[name].values())), default="")
    return [name for name in percents if tied(percents[top], percents[name])]


def tied(a: dict[int, float], b: dict[int, float]) -> bool:
    """Printed alike, or nothing tells that their paired difference over shared seeds is beyond its 95 % interval."""
    if f"{np.mean(list(a.values())):.1f}" == f"{np.mean(list(b.values())):.1f}":
        return True
    difference = mean_of([a[s] - b[s] for s in a.keys() & b.keys()])
    return difference is None or difference.half is None or abs(difference.value) <= difference.half


def _data(record: TableRecord) -> tuple[str, ...]:
    entries = [row.entries[key] for key in record.entries for row in record.rows if key in row.entries]
    names = (f"{e.dataset} for {e.stands_for}" if e.stands_for else e.dataset for e in entries)
    return tuple(dict.fromkeys(names))


def _certificates(sort: Sorted, searched: frozenset[str]) -> list[Certificate]:
    """One an entry, of the rows that share a recipe; a mixed row is marked in the table instead."""
    pure = {
        entry: {row: by_seed for row, by_seed in rows.items() if by_seed and (entry, row) not in sort.mixed}
        for entry, rows in sort.done.items()
    }
    return [certify(entry, rows, searched) for entry, rows in pure.items() if len(rows) > 1]

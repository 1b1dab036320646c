"""Pairs of rows: the difference of their AP over shared seeds and images, and what it says of the paper's ranking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from analysis.matches import ap_of_draws, load_matches
from analysis.runs import Run
from analysis.stats import holm, multiplicities, paired
from analysis.table import Comparison, Ranking
from experiments.records.files import RecordError
from experiments.records.table_schema import ColumnRecord, RowRecord, TableRecord

FAITHFUL = 1e-6  # percent AP by which matches may miss the protocol's own: what sums in another order round

Runs = dict[str, dict[str, dict[int, Run]]]  # entry -> row -> seed -> run


@dataclass(frozen=True, eq=False)
class DrawnAP:
    ap: np.ndarray  # (R,) percent
    image_ids: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Draws:
    """AP of a run in each draw of its images; the same draws for all runs on as many images. Cached by run."""

    resamples: int
    seed: int
    weights: dict[int, np.ndarray] = field(default_factory=dict)
    cache: dict[str, DrawnAP | str] = field(default_factory=dict)

    def of(self, run: Run) -> DrawnAP | str:
        """Or a sentence why not."""
        if run.id not in self.cache:
            self.cache[run.id] = self._compute(run)
        return self.cache[run.id]

    def _compute(self, run: Run) -> DrawnAP | str:
        protocol = run.record.protocol
        if protocol.recall_points is None:
            return f"no resampling for the protocol {protocol.name}"
        try:
            matches = load_matches(run.path / "matches.npz")
        except RecordError as error:
            return str(error).replace(str(run.path), run.id)
        if matches.images not in self.weights:
            generator = np.random.default_rng([self.seed, matches.images])
            drawn = multiplicities(matches.images, self.resamples, generator)
            self.weights[matches.images] = np.concatenate([np.ones((matches.images, 1), np.float32), drawn], 1)
        ap = 100 * ap_of_draws(matches, self.weights[matches.images], protocol.recall_points, protocol.score_steps)
        recorded = run.percent("AP")
        if recorded is None or not abs(ap[0] - recorded) < FAITHFUL:
            return f"the matches of {run.id} give AP {ap[0]:.2f}, not the {recorded} of its result"
        return DrawnAP(ap[1:], tuple(matches.image_ids.tolist()))


def compare(
    row: str, against: str, entry: str, first: dict[int, Run], second: dict[int, Run], draws: Draws
) -> Comparison:
    """Of two rows' finished runs by seed; p is not corrected yet."""
    pairs = [(first[s], second[s]) for s in sorted(first.keys() & second.keys())]
    pairs = [(a, b) for a, b in pairs if a.percent("AP") is not None and b.percent("AP") is not None]
    if not pairs:
        return Comparison(row, against, entry, None, None, "no seed in common")
    by_seed = np.array([a.percent("AP") - b.percent("AP") for a, b in pairs])
    resampled, images, note = (
        _resampled(pairs, draws) if len(pairs) > 1 else (None, 0, "one seed: its noise is not known")
    )
    difference = paired(by_seed, resampled, images)
    mixed = any(a.recipe != b.recipe for a, b in pairs)
    return Comparison(row, against, entry, difference, difference.p, note, mixed)


def _resampled(pairs: list[tuple[Run, Run]], draws: Draws) -> tuple[np.ndarray | None, int, str]:
    """The mean difference in each draw, of how many images, and why there is none."""
    drawn = [draws.of(run) for pair in pairs for run in pair]
    reasons = [item for item in drawn if isinstance(item, str)]
    images = {item.image_ids for item in drawn if not isinstance(item, str)}  # drawn by position: the same in both
    if reasons or len(images) > 1:
        return None, 0, f"noise of the images not known: {reasons[0] if reasons else 'scored on different images'}"
    return np.mean([a.ap - b.ap for a, b in zip(drawn[::2], drawn[1::2], strict=True)], axis=0), len(images.pop()), ""


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

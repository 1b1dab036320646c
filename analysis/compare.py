"""Pairs of rows: the difference of their AP over shared seeds and images, and what it says of the paper's order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from analysis import matches
from analysis.results import Run
from analysis.stats import holm, multiplicities, paired
from analysis.table import Comparison, Order
from analysis.table_spec import RowSpec, TableSpec
from experiments.records.run_folder import RecordError

FAITHFUL = 0.05  # percent AP by which matches may miss the protocol's own


@dataclass(frozen=True, eq=False)
class Drawn:
    ap: np.ndarray  # (R,) percent
    images: int


@dataclass(frozen=True, eq=False)
class Draws:
    """AP of a run in each draw of its images; the same draws for all runs on as many images. Kept by run."""

    resamples: int
    seed: int
    weights: dict[int, np.ndarray] = field(default_factory=dict)
    kept: dict[str, Drawn | str] = field(default_factory=dict)

    def of(self, run: Run) -> Drawn | str:
        """Or a sentence why not."""
        if run.id not in self.kept:
            self.kept[run.id] = self._compute(run)
        return self.kept[run.id]

    def _compute(self, run: Run) -> Drawn | str:
        protocol = run.done.get("protocol", "coco")
        if protocol not in matches.STEPS:
            return f"no resampling for the protocol {protocol}"
        try:
            found = matches.load(run.path / "matches.npz")
        except RecordError as error:
            return str(error).replace(str(run.path), run.id)
        if found.images not in self.weights:
            generator = np.random.default_rng([self.seed, found.images])
            drawn = multiplicities(found.images, self.resamples, generator)
            self.weights[found.images] = np.concatenate([np.ones((found.images, 1), np.float32), drawn], 1)
        ap = 100 * matches.ap(found, self.weights[found.images], protocol)
        own = run.figure("AP")
        if own is None or not abs(ap[0] - own) < FAITHFUL:
            return f"the matches of {run.id} give AP {ap[0]:.2f}, not the {own} of its result"
        return Drawn(ap[1:], found.images)


def compare(
    row: str, against: str, cell: str, mine: dict[int, Run], theirs: dict[int, Run], draws: Draws
) -> Comparison:
    """Of two rows' finished runs by seed; p is not corrected yet."""
    pairs = [(mine[s], theirs[s]) for s in sorted(mine.keys() & theirs.keys())]
    pairs = [(a, b) for a, b in pairs if a.figure("AP") is not None and b.figure("AP") is not None]
    if not pairs:
        return Comparison(row, against, cell, None, None, "no seed in common")
    by_seed = np.array([a.figure("AP") - b.figure("AP") for a, b in pairs])
    resampled, images, note = (
        _resampled(pairs, draws) if len(pairs) > 1 else (None, 0, "one seed: its noise is not known")
    )
    found = paired(by_seed, resampled, images)
    return Comparison(row, against, cell, found, found.p, note, any(a.recipe != b.recipe for a, b in pairs))


def _resampled(pairs: list[tuple[Run, Run]], draws: Draws) -> tuple[np.ndarray | None, int, str]:
    """The mean difference in each draw, of how many images, and why there is none."""
    found = [draws.of(run) for pair in pairs for run in pair]
    lost = [part for part in found if isinstance(part, str)]
    sizes = {part.images for part in found if not isinstance(part, str)}
    if lost or len(sizes) > 1:
        return None, 0, f"noise of the images not known: {lost[0] if lost else 'sets of different size'}"
    return np.mean([a.ap - b.ap for a, b in zip(found[::2], found[1::2], strict=True)], axis=0), sizes.pop(), ""


def comparisons(spec: TableSpec, runs: dict[str, dict[str, dict[int, Run]]], draws: Draws) -> list[Comparison]:
    """Of every row with its `against` row, on each cell; Holm over all of them. runs: cell -> row -> seed -> run."""
    rows = [(row, row.against, cell) for cell in spec.cells for row in spec.rows if row.against and spec.first(cell)]
    return corrected([compare(r.name, a, c, runs[c].get(r.name, {}), runs[c].get(a, {}), draws) for r, a, c in rows])


def orders(spec: TableSpec, runs: dict[str, dict[str, dict[int, Run]]], draws: Draws) -> list[Order]:
    """Of every two rows that the paper orders by AP, on each cell; Holm over all of them."""
    found = [
        (*_ranked(*pair, column.name), cell) for cell, column in _firsts(spec) for pair in _pairs(spec, column.name)
    ]
    ours = [
        compare(up.name, low.name, cell, runs[cell].get(up.name, {}), runs[cell].get(low.name, {}), draws)
        for up, low, _, cell in found
    ]
    return [Order(gap, mine) for (_, _, gap, _), mine in zip(found, corrected(ours), strict=True)]


def _firsts(spec: TableSpec):
    return [(cell, spec.first(cell)) for cell in spec.cells if spec.first(cell)]


def _pairs(spec: TableSpec, column: str) -> list[tuple[RowSpec, RowSpec]]:
    known = [row for row in spec.rows if column in row.paper and not row.reason]
    return [(a, b) for a, b in combinations(known, 2) if a.paper[column] != b.paper[column]]


def _ranked(a: RowSpec, b: RowSpec, column: str) -> tuple[RowSpec, RowSpec, float]:
    """The paper's better one first, and by how much, percent."""
    up, low = (a, b) if a.paper[column] > b.paper[column] else (b, a)
    return up, low, up.paper[column] - low.paper[column]


def corrected(found: list[Comparison]) -> list[Comparison]:
    """p by Holm over the list."""
    return [replace(c, p=p) for c, p in zip(found, holm([c.p for c in found]), strict=True)]

"""The one model of a table: what is printed, whatever prints it. Figures in percent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.stats import LEVEL, Mean, Paired


@dataclass(frozen=True)
class Cell:
    paper: float | None
    ours: Mean | None
    mark: Literal["", "best", "second"] = ""
    hole: str = ""  # why there is no figure, a few words
    mixed: bool = False  # of another recipe than the table's
    runs: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        return None if self.ours is None or self.paper is None else self.ours.value - self.paper


@dataclass(frozen=True)
class Comparison:
    """Two rows on one cell, paired over the seeds and images they share; value: row minus against."""

    row: str
    against: str
    cell: str
    found: Paired | None  # None: no seed in common
    p: float | None  # corrected
    note: str = ""  # what of the noise is not known, and why
    mixed: bool = False  # of different recipes

    @property
    def sign(self) -> int:
        """1 or -1 beyond the noise, else 0."""
        told = self.found is not None and self.p is not None and self.p < LEVEL
        return 0 if not told else (1 if self.found.value > 0 else -1)


@dataclass(frozen=True)
class Order:
    """Two rows that the paper orders: `row` above `against`, by `paper` percent."""

    paper: float
    ours: Comparison

    @property
    def verdict(self) -> Literal["agrees", "disagrees", "cannot tell", "no result"]:
        if self.ours.found is None:
            return "no result"
        return {1: "agrees", -1: "disagrees", 0: "cannot tell"}[self.ours.sign]


@dataclass(frozen=True)
class Hole:
    row: str
    what: str  # data set and seed
    reason: str


@dataclass(frozen=True)
class Shared:
    name: str
    hashes: tuple[str, ...]  # the different ones of the seeds
    broken: str  # how rows differ in it; "": they do not


@dataclass(frozen=True)
class Difference:
    what: str
    values: tuple[tuple[str, tuple[str, ...]], ...]  # a value and the rows that have it


@dataclass(frozen=True)
class Certificate:
    """Of the rows that are compared on one cell."""

    cell: str
    rows: tuple[str, ...]
    shared: tuple[Shared, ...]
    differences: tuple[Difference, ...]
    problems: tuple[str, ...]  # what keeps it from being known

    @property
    def broken(self) -> tuple[str, ...]:
        return (*self.problems, *(item.broken for item in self.shared if item.broken))


@dataclass(frozen=True)
class Row:
    name: str
    differs: str
    cells: tuple[Cell, ...]
    versus: tuple[Comparison, ...]  # with its `against` row, one a cell


@dataclass(frozen=True)
class Table:
    number: int
    name: str
    title: str
    profile: str
    command: str
    data: tuple[str, ...]  # "shapes for coco"
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    orders: tuple[Order, ...]
    holes: tuple[Hole, ...]
    certificates: tuple[Certificate, ...]

    @property
    def compared(self) -> tuple[Comparison, ...]:
        """With the `against` rows."""
        return tuple(c for row in self.rows for c in row.versus)

    @property
    def single(self) -> bool:
        """On one data set, so that the comparisons fit into one more column."""
        return len({c.cell for c in self.compared}) == 1

    @property
    def seeds(self) -> tuple[int, ...]:
        """The different numbers of seeds of its figures."""
        return tuple(sorted({cell.ours.n for row in self.rows for cell in row.cells if cell.ours}))

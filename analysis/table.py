"""The one model of a table: what is printed, whatever prints it. Figures in percent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from analysis.shapley import Shares
from analysis.stats import Mean
from experiments.records.decision_schema import ClaimState
from experiments.records.table_schema import Claim

Outcome = Literal["confirmed", "contradicted", "inconclusive", "no result"]
Verdict = Literal["confirmed", "contradicted", "equivalent", "inconclusive", "differs by reading", "no result"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COMBINATIONS = "AP of the combinations that were run"  # behind shares
OUTCOMES: tuple[Outcome, ...] = ("confirmed", "contradicted", "inconclusive", "no result")


@dataclass(frozen=True)
class PrintedValue:
    """One figure of a table, beside the paper's."""

    paper: float | None
    ours: Mean | None
    mark: Literal["", "best"] = ""
    hole: str = ""  # why there is no figure, a few words
    mixed: bool = False  # of another recipe than the table's
    same_data: bool = True  # ours is of the paper's dataset, not of one in its place
    runs: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """None also where ours is of other data: the two figures are no difference then."""
        known = self.same_data and self.ours is not None and self.paper is not None
        return self.ours.value - self.paper if known else None


@dataclass(frozen=True)
class Difference:
    """Of two rows, over the seeds and images they share."""

    value: float
    half: float | None  # of its interval; None where nothing tells
    seeds: int
    noise: str  # that the interval covers, as ClaimState.noise


@dataclass(frozen=True)
class Comparison:
    """Two rows on one entry, paired over the seeds and images they share; the difference is row minus against."""

    row: str
    against: str
    entry: str
    difference: Difference | None  # None: no seed in common
    note: str = ""  # which noise is not known, and why
    mixed: bool = False  # of different recipes

    @property
    def sign(self) -> int:
        """1 or -1 beyond the noise, else 0; of one seed, whose training's noise is not known, always."""
        d = self.difference
        beyond = d is not None and d.half is not None and d.noise != "images" and abs(d.value) > d.half
        return 0 if not beyond else (1 if d.value > 0 else -1)


@dataclass(frozen=True)
class Ranking:
    """Two rows that the paper ranks: `row` above `against`, by `paper` percent."""

    paper: float
    ours: Comparison

    @property
    def outcome(self) -> Outcome:
        if self.ours.difference is None:
            return "no result"
        return {1: "confirmed", -1: "contradicted", 0: "inconclusive"}[self.ours.sign]


@dataclass(frozen=True)
class JudgedClaim:
    """confirmed: the difference lies above 0 beyond noise, a minor one inside the margin. contradicted: below 0, one
    that is called minor outside the margin. equivalent: inside the margin. differs by reading: the paper can be read in
    two ways, with two verdicts."""

    claim: Claim
    verdict: Verdict
    state: ClaimState | None  # of the first reading; None: no seed in common, or a summary
    others: tuple[ClaimState, ...]  # of the other readings, where their verdicts differ
    note: str  # which noise is not known, or why there is no result
    mixed: bool  # of different recipes


@dataclass(frozen=True)
class Block:
    """A table of texts that stands before the figures."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str  # how to read it
    folded: bool = False  # only its title is seen at first


@dataclass(frozen=True)
class Hole:
    row: str
    run: str  # dataset, seed and run id
    reason: str


@dataclass(frozen=True)
class SharedHash:
    name: str
    hashes: tuple[str, ...]  # the different ones of the seeds
    broken: str  # how rows differ in it; "": they do not


@dataclass(frozen=True)
class RowDifference:
    name: str
    values: tuple[tuple[str, tuple[str, ...]], ...]  # a value and the rows that have it


@dataclass(frozen=True)
class Certificate:
    """Of the rows that are compared on one entry."""

    entry: str
    rows: tuple[str, ...]
    shared: tuple[SharedHash, ...]
    differences: tuple[RowDifference, ...]
    problems: tuple[str, ...]  # what keeps it from being known

    @property
    def broken(self) -> tuple[str, ...]:
        return (*self.problems, *(item.broken for item in self.shared if item.broken))


@dataclass(frozen=True)
class StartingWeights:
    recipe: str  # that the weights were trained with, RunRecord.weights
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    name: str
    differs: str
    values: tuple[PrintedValue, ...]
    versus: tuple[Comparison, ...]  # with its `against` row, one an entry


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
    claims: tuple[JudgedClaim, ...]
    rule: str  # that judged the claims, in words
    rankings: tuple[Ranking, ...]
    holes: tuple[Hole, ...]
    certificates: tuple[Certificate, ...]
    tuning: tuple[str, ...] = ()  # how the settings of its methods were found, sentences
    head: str = ""  # that all rows have; "": each its own
    shares: tuple[Shares, ...] = ()
    blocks: tuple[Block, ...] = ()
    remark: str = ""  # what the line of its verdicts must say beside them
    weights: tuple[StartingWeights, ...] = ()  # of all rows with figures, also of those outside of a certificate

    @property
    def empty(self) -> bool:
        """Planned, without any figure."""
        return not any(value.ours for row in self.rows for value in row.values)

    @property
    def label(self) -> str:
        """Short, for a list of tables."""
        return f"Table {self.number}" + (f" with {self.head}'s head" if self.head else "")

    @property
    def compared(self) -> tuple[Comparison, ...]:
        """With the `against` rows."""
        return tuple(c for row in self.rows for c in row.versus)

    @property
    def single(self) -> bool:
        """On one dataset, so that the comparisons fit into one more column."""
        return len({c.entry for c in self.compared}) == 1

    @property
    def seeds(self) -> tuple[int, ...]:
        """The different numbers of seeds of its figures."""
        return tuple(sorted({value.ours.n for row in self.rows for value in row.values if value.ours}))

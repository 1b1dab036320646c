"""What a table consists of, with types: `tables/PROFILE-tableN-RECIPE.json` holds a TableRecord.

Written by experiments, read by analysis.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

ClaimKind = Literal["difference", "difference of differences", "minor difference", "summary"]


@dataclass(frozen=True)
class ColumnRecord:
    name: str
    entry: str  # which entry of a row holds its runs
    metric: str  # a metric of the result, or class:NAME


@dataclass(frozen=True)
class EntryRecord:
    """The runs of one row on one dataset."""

    dataset: str
    stands_for: str  # the paper's dataset
    runs: dict[int, str] = field(default_factory=dict)  # seed -> run id
    reason: str = ""  # why there is none


@dataclass(frozen=True)
class RowRecord:
    name: str
    method: str
    against: str  # the row it is compared with; "": with none
    differs: str  # settings of the row, KEY=VALUE
    reason: str  # why the row cannot run; "": it can
    entries: dict[str, EntryRecord]
    paper: dict[str, float] = field(default_factory=dict)  # column -> percent
    keeps: str = ""  # what its method cannot give up for another head, in words
    reading_of: str = ""  # the row of which this is another reading of the paper; "": of none
    tuned: str = ""  # KEY=VALUE that the search chose for its method, the same search for each

    @property
    def declared(self) -> set[str]:
        """Keys of the recipe that the matrix itself sets in this row."""
        return {word.partition("=")[0] for word in self.differs.split()}


@dataclass(frozen=True)
class Claim:
    """What the paper, or a user, says of rows of a table: `better` less `worse` in the mean of `metric`."""

    id: str
    kind: ClaimKind
    better: tuple[
        str, ...
    ]  # a row; of a difference of differences pairs of rows, the first less the second, their mean
    worse: tuple[str, ...]  # as `better`; of a summary all rows that `better` is above
    dataset: tuple[str, ...]  # the one it is on, as the paper names it; of a summary one or more
    metric: tuple[str, ...]  # metrics of the result, or class:NAME
    published: float  # AP, percent
    margin: float | None  # AP, percent: a difference inside it is none; None: of a summary
    said: str  # where, and in which words
    worse_metric: tuple[str, ...] = ()  # of `worse` where it is another


@dataclass(frozen=True)
class Attribution:
    """A method's difference from the reference, whose parts are swapped in every combination."""

    method: str  # its row
    reference: str  # the reference's row
    parts: tuple[str, ...]  # that are swapped
    rows: tuple[str, ...]  # of row i part j is the method's where bit j of i is set
    same: tuple[str, ...] = ()  # parts in which the two do not differ
    kept: tuple[str, ...] = ()  # parts that the method cannot give up: they go with its first one, the assignment
    keeps: str = ""  # what else goes with its assignment, in words

    def __post_init__(self):
        if len(self.rows) != 2 ** len(self.parts):
            raise ValueError(f"{self.method} has {len(self.rows)} combinations of {len(self.parts)} parts")


@dataclass(frozen=True)
class TableRecord:
    """What a table of the paper is made of."""

    number: int
    title: str
    profile: str
    command: str
    columns: tuple[ColumnRecord, ...]
    rows: tuple[RowRecord, ...]
    claims: tuple[Claim, ...] = ()
    recipe: str = ""  # hash of what the profile and --set make of the recipes; "": of a record that had none
    overrides: tuple[str, ...] = ()  # key=value of --set that may change a result
    tuned: str = ""  # how the profile was tuned, a sentence
    head: str = "native"  # or the method whose head all rows have
    search: str = ""  # recipe of the record of the search that fits its runs; "": the profile searches nothing
    attributions: tuple[Attribution, ...] = ()
    common: str = ""  # as `recipe`, without what a search chose for each method: one for a table under all heads

    def __post_init__(self):
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            raise ValueError("two rows have one name")
        if lost := [row.against for row in self.rows if row.against and row.against not in names]:
            raise ValueError(f"there is no row '{lost[0]}' to compare with")
        if lost := [n for item in self.attributions for n in item.rows if n not in names]:
            raise ValueError(f"parts are swapped in the row '{lost[0]}', which is not there")
        if lost := [n for claim in self.claims for n in (*claim.better, *claim.worse) if n not in names]:
            raise ValueError(f"a claim is of the row '{lost[0]}', which is not there")
        for kind in ("profile", "head", "recipe"):
            if not re.fullmatch(r"[\w-]*", name := getattr(self, kind)):
                raise ValueError(f"the {kind} '{name}' cannot name a file")

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        head = "" if self.head == "native" else f"head-{self.head}"
        return "-".join(filter(None, (self.profile, f"table{self.number}", head, self.recipe)))

    @property
    def searched(self) -> set[str]:
        """Keys of the recipe that the search set for each method."""
        return {word.partition("=")[0] for row in self.rows for word in row.tuned.split()}

    @property
    def head_name(self) -> str:
        """As its row is called; "" of a native table."""
        names = [row.name for row in self.rows if row.method == self.head]
        return "" if self.head == "native" else next(iter(names), self.head)

    @property
    def entries(self) -> list[str]:
        """Keys of the entries, in the order of the columns."""
        return list(dict.fromkeys(column.entry for column in self.columns))

    def entry_of(self, dataset: str) -> str:
        """The key of the entry that stands for a dataset of the paper; "" where there is none."""
        entries = ((key, entry) for row in self.rows for key, entry in row.entries.items())
        return next((key for key, entry in entries if entry.stands_for == dataset), "")

    def first(self, entry: str) -> ColumnRecord | None:
        """The column that ranks an entry: its AP."""
        return next((c for c in self.columns if c.entry == entry and c.metric == "AP"), None)

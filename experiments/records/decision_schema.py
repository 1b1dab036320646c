"""What `run.py --until-decided` asks and decides, with types: `tables/decisions/TABLE.json` holds Decisions.

Written by experiments. `analysis/decide.py --json` answers a TableStates for each table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.records.files import read_record, write_record

LOOKS = (3, 5, 7, 10)  # seeds at each look; simulated in tests/analysis/test_rule.py
RULE = "alpha spending linear in the seeds, Bonferroni over the claims of a table"
AGAIN = "Remove it: the looks are taken again from the runs."


@dataclass(frozen=True)
class ClaimState:
    """Of a claim after a look. AP in percent; None: not known."""

    id: str
    verdict: str  # confirmed, contradicted, equivalent, inconclusive, no result
    look: int  # at which the verdict fell, or the newest; 0: before the first
    seeds: int  # that the interval is of
    is_open: bool  # more seeds may settle it: inconclusive, with all runs of the look
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    confirmed: int | None = None  # seeds in all that are expected for this verdict
    contradicted: int | None = None
    equivalent: int | None = None
    settled: int | None = None  # seeds in all that would settle it, were mean and noise to stay
    noise: str = ""  # that the interval covers: "seeds and images", "seeds" or "images"; "" where there is none


@dataclass(frozen=True)
class TableStates:
    table: str  # name of its record
    rows: tuple[tuple[str, str], ...]  # (row, entry) that open claims need
    claims: tuple[ClaimState, ...]


@dataclass(frozen=True)
class Answer:
    tables: tuple[TableStates, ...]


@dataclass(frozen=True)
class Look:
    """What was known at a look, and what was decided."""

    seeds: int
    hours: float  # spent until then: of cores, or of GPUs
    goes_on: bool  # whether the rows below get the seeds of the next look
    reason: str  # why, a few words
    rows: tuple[tuple[str, str], ...]  # (row, entry) that open claims need
    claims: tuple[ClaimState, ...]


@dataclass(frozen=True)
class Decisions:
    """Of a table."""

    recipe: str  # hash of the runs of its first seed: decisions on others do not count
    looks: tuple[int, ...]
    rule: str
    taken: tuple[Look, ...] = ()


def decisions_path(tables: Path, table: str) -> Path:
    """Where they lie in the folder of the tables' records."""
    return tables / "decisions" / f"{table}.json"


def write_decisions(path: Path, decisions: Decisions) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, decisions)


def read_decisions(path: Path) -> Decisions | None:
    """None where none was taken. Raises RecordError."""
    return read_record(path, Decisions, AGAIN) if path.is_file() else None

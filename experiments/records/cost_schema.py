"""What a training step costs, measured alone: `costs.json` of a folder of runs. Written by experiments.bench.costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.records.files import read_record, write_record

NAME = "costs.json"
AGAIN = "Measure it again: python -m experiments.bench.costs RUNS."


@dataclass(frozen=True)
class Cost:
    """Of one method on one dataset."""

    dataset: str
    assigner: str
    recipe: str  # RunRecord.common_hash
    seconds: float  # median of a step: forward and backward pass, and the optimiser; its images are loaded before


@dataclass(frozen=True)
class Costs:
    steps: int  # that each median is of
    environment: dict[str, Any] = field(default_factory=dict)  # as RunRecord.environment
    costs: tuple[Cost, ...] = ()


def write_costs(runs: Path, costs: Costs) -> None:
    write_record(runs / NAME, costs)


def read_costs(runs: Path) -> Costs:
    """Empty where none were measured. Raises RecordError."""
    path = runs / NAME
    return read_record(path, Costs, AGAIN) if path.is_file() else Costs(0)

"""A cell on its way to whoever runs it, how a try ended, and the record of that. No torch: a Ray actor needs none."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from experiments.records.run_folder import RunFolder


@dataclass(frozen=True)
class Task:
    """A cell on its way to whoever runs it; plain values only."""

    id: str
    recipe: dict  # as recipe.plain writes it, splits resolved
    root: str | None  # of the data, absolute
    runs: str  # folder of the run folders, absolute

    @property
    def folder(self) -> RunFolder:
        return RunFolder(Path(self.runs) / self.id)


@dataclass(frozen=True)
class Outcome:
    kind: Literal["done", "own", "crash", "stopped"]  # own: the recipe or its data is at fault
    reason: str = ""


def to_line(value: Task | Outcome) -> bytes:
    return json.dumps(asdict(value)).encode() + b"\n"


def settle(task: Task, outcome: Outcome) -> int:
    """Leaves the record of how a try ended; the number of failed ones."""
    if outcome.kind in ("done", "stopped"):
        task.folder.failed.unlink(missing_ok=True)
        return 0
    task.folder.write_failed(outcome.reason, outcome.kind)
    return task.folder.read_failed()["tries"]

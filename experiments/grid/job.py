"""A run on its way to whoever executes it, and how a try ended. No torch: a Ray actor needs none."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from experiments.records.run_folder import RunFolder


@dataclass(frozen=True)
class Job:
    """A run on its way to whoever executes it; plain values only."""

    id: str
    recipe: dict  # as recipe.plain writes it, splits resolved
    root: str | None  # of the data, absolute
    runs: str  # folder of the run folders, absolute

    @property
    def folder(self) -> RunFolder:
        return RunFolder(Path(self.runs) / self.id)


@dataclass(frozen=True)
class Outcome:
    """How a try ended. permanent: the recipe or its data is at fault; transient: what executed it."""

    kind: Literal["done", "permanent", "transient", "stopped"]
    reason: str = ""


def to_line(value: Job | Outcome) -> bytes:
    """JSON, for a pipe."""
    return json.dumps(asdict(value)).encode() + b"\n"


def record_outcome(job: Job, outcome: Outcome) -> int:
    """Leaves the record of how a try ended; the number of failed ones."""
    if outcome.kind in ("done", "stopped"):
        job.folder.failed.unlink(missing_ok=True)
        return 0
    job.folder.write_failed(outcome.reason, outcome.kind)
    return job.folder.read_failed().tries

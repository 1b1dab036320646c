"""The runs that tables point at, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.collect import NO_EFFECT
from experiments.records.run_folder import RunFolder

IGNORED = ("assigner", "settings", "seed")  # of a recipe: what rows of a table may differ in
IDLE = {f"{group}.{key}" for group, keys in NO_EFFECT.items() for key in keys}


@dataclass(frozen=True)
class Run:
    id: str
    path: Path
    status: str  # done, failed, unfinished, not run
    reason: str
    recipe: str  # hash of what compared runs have in common
    record: dict  # run.json
    done: dict

    def figure(self, metric: str) -> float | None:
        """Percent; metric: a figure of `done`, or "class:NAME". None where there is none."""
        kind, _, name = metric.partition(":")
        value = self.done.get("per_class", {}).get(name) if kind == "class" else self.done.get(metric)
        return None if value is None else 100 * float(value)

    def options(self) -> dict[str, str]:
        """The recipe with dotted names, without what rows may differ in and what has no effect."""
        found = flat({k: v for k, v in self.record.get("recipe", {}).items() if k not in IGNORED})
        return {key: value for key, value in found.items() if key not in IDLE}


def read(frame: pd.DataFrame, folder: Path) -> dict[str, Run]:
    """By id; frame: of `collect`, whose rows are readable where they have a recipe."""
    return {row["run"]: _run(row, RunFolder(folder / row["run"])) for row in frame.to_dict("records")}


def _run(row: dict, folder: RunFolder) -> Run:
    readable = not pd.isna(row["recipe"])
    record = folder.read_run() if readable else {}
    done = folder.read_done() if row["status"] == "done" else {}
    recipe = row["recipe"] if readable else ""
    reason = row["reason"].replace(f"{folder.path.parent}/", "")  # a report may be read on another machine
    return Run(row["run"], folder.path, row["status"], reason, recipe, record, done)


def missing(run: str, folder: Path) -> Run:
    return Run(run, folder / run, "not run", "not run", "", {}, {})


def flat(values: dict, prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted names; values as text."""
    found = {}
    for key, value in values.items():
        inner = flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
        found |= inner
    return found

"""Runs of a grid that nobody trains: results by row and seed, for what decides which runs are made."""

from pathlib import Path

import numpy as np

from experiments.records.decision_schema import Decisions, decisions_path, read_decisions
from experiments.records.run_folder import read_table
from experiments.records.table_schema import Claim
from experiments.runtime.signals import Preempted
from tests.sample_records import result, run_record

LINE = ("--tables", "2", "--profile", "cpu", "--until-decided", "--executor", "serial")
AP = {("none", "none"): 10.0, ("none", "joint"): 20.0, ("category", "none"): 20.2, ("category", "joint"): 40.0}
ROWS = ("none", "confidence only", "centre only", "both")
SECONDS = 360.0  # a run: a tenth of a core hour


def claim(better: str, worse: str) -> Claim:
    return Claim(f"{better}-{worse}", "difference", (better,), (worse,), ("coco",), ("AP",), 2.0, 0.1, "table only")


class MadeUp:
    """Executes nothing: a result by the row's settings and the seed; `dies` after so many runs."""

    def __init__(self, dies: int = 10**6, fails: tuple = ()):
        self.dies, self.fails, self.made = dies, fails, []

    def execute(self, jobs, stop, begin, tick):
        begin()
        for job in jobs:
            if len(self.made) == self.dies:
                raise Preempted("killed")
            settings = {"center": "category", "confidence": "joint"} | job.recipe["settings"]
            row, seed = (settings["center"], settings["confidence"]), job.recipe["seed"]
            self.made.append((row, seed))
            noise = np.random.default_rng([seed, *map(ord, "".join(row))]).standard_normal()
            job.folder.path.mkdir(parents=True, exist_ok=True)
            job.folder.write_run(run_record(id=job.id))
            if (row, seed) in self.fails:
                job.folder.write_failed("by hand", "permanent")
            else:
                ap = (AP[row] + 0.5 * noise) / 100
                job.folder.write_result(result(ap, train_seconds=SECONDS - 2 * 40, eval_seconds=40.0))  # of two alike


def decisions(runs: Path) -> Decisions:
    (path,) = (runs / "tables").glob("*.json")
    return read_decisions(decisions_path(runs / "tables", read_table(path).name))

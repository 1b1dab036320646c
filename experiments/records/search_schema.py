"""How the settings of a profile were found, with types: `tuning/PROFILE-RECIPE.json` holds a SearchRecord.

Written by `run.py --tune`, read by analysis.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from experiments.records.files import read_record, write_record

AGAIN = "Make it again: run.py --tune takes the runs that are there."


@dataclass(frozen=True)
class SearchTrial:
    """One setting of one method, as far as it went."""

    method: str
    setting: str  # key=value, several apart by spaces
    runs: dict[int, str]  # seed -> run id, in the order in which they were made
    ap: dict[int, float]  # seed -> percent; 0 of a run whose numbers ceased to be finite
    chosen: bool = False

    @property
    def mean(self) -> float:
        return mean(self.ap.values())


@dataclass(frozen=True)
class SearchRecord:
    profile: str
    recipe: str  # hash of what the runs of all methods and settings have in common, and of the search itself
    command: str
    dataset: str  # that it was made on
    stands_for: str  # the paper's dataset
    images: tuple[int, int]  # trained on, evaluated
    held_out: str  # key=value that name the images
    rule: str  # a sentence
    steps: int  # of each run
    trials: tuple[SearchTrial, ...]

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return f"{self.profile}-{self.recipe}"

    @property
    def chosen(self) -> dict[str, SearchTrial]:
        """By method."""
        return {trial.method: trial for trial in self.trials if trial.chosen}

    @property
    def settings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(trial.setting for trial in self.trials))

    @property
    def common(self) -> str:
        """The setting of the best mean over all methods, on the seeds that all of them have."""
        by_setting = {setting: [t for t in self.trials if t.setting == setting] for setting in self.settings}
        seeds = set.intersection(*(set(trial.ap) for trial in self.trials))
        return max(by_setting, key=lambda s: mean(mean(t.ap[seed] for seed in seeds) for t in by_setting[s]))

    @property
    def at_the_edge(self) -> list[str]:
        """Methods whose chosen setting is the first or the last: the best may lie beyond."""
        ends = (self.settings[0], self.settings[-1])
        return [method for method, trial in self.chosen.items() if trial.setting in ends]


def search_path(runs: Path, name: str) -> Path:
    """Where the record of a search lies in a folder of runs."""
    return runs / "tuning" / f"{name}.json"


def write_search(runs: Path, record: SearchRecord) -> Path:
    """The file that was written."""
    path = search_path(runs, record.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, record)
    return path


def read_search(path: Path) -> SearchRecord:
    """Raises RecordError."""
    return read_record(path, SearchRecord, AGAIN)


def searches_in(runs: Path) -> list[SearchRecord]:
    """All of runs/tuning/, by name; none where there is no such folder. RecordError for one that cannot be read."""
    return [read_search(path) for path in sorted((runs / "tuning").glob("*.json"))]

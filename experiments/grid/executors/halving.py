"""Ray Tune searches the settings of each method by successive halving, the same rounds for each.

Its HyperBand waits for all settings of a round before it halves them, so what is chosen does not depend on which run
ended first, or on how often the search was stopped; its ASHA, which does not wait, would.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import mean

from ray import tune
from ray.tune.schedulers import HyperBandScheduler, TrialScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from experiments.grid.executors import Share
from experiments.grid.executors.cluster import Ray, resources, run_config
from experiments.grid.executors.trial import attempt, progress
from experiments.grid.job import Job, to_line
from experiments.grid.search_space import HALF, Search
from experiments.grid.states import ap_found
from experiments.runtime.errors import UserError
from experiments.runtime.signals import Stop

AT_ONCE = "TUNE_MAX_PENDING_TRIALS_PG"  # trials that Ray creates before the first has ended: all, as halving needs them
SEED = 0  # of Ray's search algorithm

Jobs = dict[str, dict[str, tuple[Job, ...]]]  # method -> setting -> a job of each seed
Rounds = dict[tuple[str, str], int]  # (method, setting) -> rounds


@dataclass(frozen=True)
class Halving:
    ray: Ray
    search: Search

    def execute(self, jobs: Jobs, stop: Stop, begin: Callable[[], None], tick: Callable[[], None]) -> Rounds:
        """The rounds that each setting reached; those of a trial that failed, or was stopped by `stop`, are not there.

        Calls `begin` and `tick` as an Executor does. Raises UserError.
        """
        self._check()
        lines = {m: {s: [to_line(job).decode() for job in seeds] for s, seeds in of.items()} for m, of in jobs.items()}
        with self.ray.joined() as share:
            begin()
            os.environ[AT_ONCE] = str(len(jobs) * len(self.search.settings))
            results = tune.Tuner(
                tune.with_resources(partial(_trial, share=share, lines=lines, unit=self.search.unit), resources(share)),
                param_space={
                    "method": tune.grid_search(list(jobs)),
                    "setting": tune.grid_search(list(self.search.settings)),
                },
                tune_config=tune.TuneConfig(
                    search_alg=BasicVariantGenerator(random_state=SEED),
                    scheduler=Methods(len(self.search.settings)),
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: trial.trial_id,
                ),
                run_config=run_config(share, stop, tick),
            ).fit()
        ended = [result for result in results if not (result.error or stop.requested)]
        return {(r.config["method"], r.config["setting"]): r.metrics["rounds"] for r in ended}

    def _check(self) -> None:
        """UserError for what would let Ray halve a round before all of its settings are there."""
        if self.ray.workers and self.ray.address != "local":
            raise UserError(
                "--workers does nothing in a search on a Ray cluster: it runs as many as the nodes hold. Leave it out, "
                "or raise --cpus-per-run."
            )


def _trial(config: dict, share: Share, lines: dict[str, dict[str, list[str]]], unit: int) -> None:
    """One setting of one method, seed after seed; what is there is taken."""
    aps: list[float] = []
    for line in lines[config["method"]][config["setting"]]:
        job = Job(**json.loads(line))
        report = partial(_report, job, aps, unit)
        if ap_found(job.folder) is None and not _failure(job):
            attempt(job, share, report)
        ap = ap_found(job.folder)
        if ap is None:  # its search has no result until the cause is gone
            raise RuntimeError(_failure(job) or f"run {job.id} has no AP")
        aps.append(ap)
        report()


def _report(job: Job, aps: list[float], unit: int) -> None:
    tune.report(progress(job) | {"rounds": len(aps) // unit, "AP": mean(aps or [0.0])})


def _failure(job: Job) -> str:
    """Why it would fail again; "" where it would not."""
    failure = job.folder.read_failed()
    return failure.reason if failure and failure.kind == "permanent" else ""


class _Bracket(HyperBandScheduler):
    """One bracket of HyperBand, the one that starts with all settings at one round."""

    def __init__(self, settings: int):
        super().__init__("rounds", "AP", "max", max_t=settings, reduction_factor=HALF)

    def _create_bracket(self, s: int):
        return super()._create_bracket(self._s_max_1 - 1)


class Methods(TrialScheduler):
    """A bracket for each method, so that no method is halved against another."""

    def __init__(self, settings: int):
        super().__init__()
        self.settings, self.brackets = settings, {}

    def _of(self, trial) -> HyperBandScheduler:
        return self.brackets.setdefault(trial.config["method"], _Bracket(self.settings))

    def set_search_properties(self, metric: str | None, mode: str | None, **spec) -> bool:
        return True

    def on_trial_add(self, tune_controller, trial) -> None:
        self._of(trial).on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller, trial) -> None:
        self._of(trial).on_trial_error(tune_controller, trial)

    def on_trial_result(self, tune_controller, trial, result: dict) -> str:
        return self._of(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller, trial, result: dict) -> None:
        self._of(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller, trial) -> None:
        self._of(trial).on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller):
        chosen = (bracket.choose_trial_to_run(tune_controller) for bracket in self.brackets.values())
        return next((trial for trial in chosen if trial), None)

    def debug_string(self) -> str:
        return "\n".join(f"{method}: {bracket.debug_string()}" for method, bracket in self.brackets.items())

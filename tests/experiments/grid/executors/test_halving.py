"""Ray Tune halves the settings of each method by what is in the run folders, in the same way each time."""

from pathlib import Path

import pytest
import torch

from experiments.grid.executors import Share
from experiments.grid.executors.cluster import Ray
from experiments.grid.executors.halving import Halving
from experiments.grid.job import Job
from experiments.grid.search_space import Search
from experiments.records.run_folder import RunFolder
from experiments.records.schema import METRICS, Priors, Result
from experiments.runtime.errors import UserError
from experiments.runtime.signals import Stop

SETTINGS = ("lr=1", "lr=2", "lr=4", "lr=8")
SEARCH = Search("coco", SETTINGS, (10, 11, 12, 13), ())
APS = {  # method -> the AP of each setting, seed after seed; None: the numbers ceased to be finite
    "rising": ((10, 90, 90, 90), (20, 20, 90, 90), (30, 25, 0, 0), (40, 30, 20, 10)),
    "falling": ((40, 30, 20, 10), (30, 31, 99, 99), (20, 90, 90, 90), (10, 90, 90, 90)),
    "broken": ((10, 10, 10, 10), (20, 20, 20, 20), (None, 90, 90, 90), (None, 90, 90, 90)),
}
ROUNDS = {  # the better half of four after one seed, of two after two; a later seed calls none of the lost back
    "rising": (1, 1, 2, 4),
    "falling": (4, 2, 1, 1),
    "broken": (2, 4, 1, 1),
}


def finished(runs: Path, name: str, ap: float | None) -> Job:
    """A run that is there, so that nothing is trained."""
    folder = RunFolder(runs / name)
    folder.path.mkdir(parents=True)
    if ap is None:
        folder.write_failed("Step 3: not finite: loss.", "permanent")
        torch.save({}, folder.broken)
    else:
        metrics = dict.fromkeys(METRICS, ap / 100)
        folder.write_result(
            Result(
                metrics=metrics,
                per_class={},
                train_seconds=1.0,
                eval_seconds=1.0,
                evaluator="",
                priors=Priors(classes=()),
            )
        )
    return Job(name, {}, None, str(runs))


def jobs_of(runs: Path) -> dict[str, dict[str, tuple[Job, ...]]]:
    return {
        method: {
            setting: tuple(finished(runs, f"{method}-{setting}-{k}", ap) for k, ap in enumerate(aps))
            for setting, aps in zip(SETTINGS, of, strict=True)
        }
        for method, of in APS.items()
    }


def searched(runs: Path, jobs: dict, workers: int, address: str = "local") -> dict:
    share = Share(cpus=1, gpus=0.0, processes=1, retries=0, logs=runs / "logs")
    began: list[bool] = []
    halving = Halving(Ray(share, workers, address, False), SEARCH)
    rounds = halving.execute(jobs, Stop(), lambda: began.append(True), lambda: None)
    assert began == [True]
    return rounds


def test_each_method_is_halved_by_itself_whatever_runs_beside_it(tmp_path):
    jobs = jobs_of(tmp_path)
    expected = {(m, s): n for m, of in ROUNDS.items() for s, n in zip(SETTINGS, of, strict=True)}
    assert searched(tmp_path, jobs, 1) == searched(tmp_path, jobs, 3) == expected


def test_a_setting_whose_run_fails_is_in_no_result(tmp_path):
    jobs = {"rising": jobs_of(tmp_path)["rising"]}
    folder = jobs["rising"]["lr=8"][0].folder
    folder.done.unlink()
    folder.write_failed("There is no image.", "permanent")
    assert ("rising", "lr=8") not in searched(tmp_path, jobs, 2)


def test_a_cluster_must_take_all_settings_of_a_round_at_once(tmp_path):
    with pytest.raises(UserError, match="--workers does nothing in a search on a Ray cluster"):
        searched(tmp_path, {}, 2, "10.0.0.1:6379")

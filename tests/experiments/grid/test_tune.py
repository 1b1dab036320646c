"""`run.py --tune`: what it refuses, what it records, and that a kill changes nothing."""

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from experiments import run
from experiments.cli.arguments import parse
from experiments.data.held_out import contents
from experiments.grid import tune
from experiments.grid.entries import DatasetFinder
from experiments.grid.matrices import load_profile
from experiments.records.run_folder import runs_in
from experiments.records.search_schema import SearchRecord, searches_in, write_search
from experiments.runtime.commit import ROOT
from experiments.runtime.errors import UserError
from tests.tiny_runs import TINY, here, sets

FEW = [*TINY, "data.workers=0", "schedule.iterations=1", "model.width=0.25", "data.train_images=40"]
TWO = """
import sys
from experiments import run
from experiments.grid import tune
tune.searched_methods = lambda profile: ["fcos", "atss"]
sys.exit(run.main())
"""


def words(runs: Path, *more: str) -> list[str]:
    return ["--tune", "--profile", "cpu", "--runs", str(runs), *sets(*FEW), *more]


def call(runs: Path, *more: str) -> tuple[int, str, str]:
    """A search of two methods."""
    with mock.patch.object(tune, "searched_methods", lambda profile: ["fcos", "atss"]):
        return here(run, *words(runs, *more))


def record(runs: Path) -> SearchRecord:
    (search,) = searches_in(runs)
    return replace(search, command="")


@pytest.fixture(scope="module")
def undisturbed_search(tmp_path_factory) -> Path:
    runs = tmp_path_factory.mktemp("search") / "runs"
    code, out, err = call(runs)
    assert code == 0 and "Traceback" not in err, err
    assert [text.split(":")[0].strip() for text in out.splitlines()] == ["methods", "fcos", "atss"]
    return runs


def test_each_method_gets_the_same_runs_and_the_record_has_them_all(undisturbed_search):
    search = record(undisturbed_search)
    for method in ("fcos", "atss"):
        trials = [trial for trial in search.trials if trial.method == method]
        assert sorted(len(trial.ap) for trial in trials) == [1, 1, 2, 4]
        assert [len(trial.ap) for trial in trials if trial.chosen] == [4]
        first = {trial.setting: trial.ap[1000] for trial in trials}
        assert all(
            first[t.setting] >= max(first[s.setting] for s in trials if len(s.ap) == 1) for t in trials if len(t.ap) > 1
        )
    assert (search.images, search.steps, search.dataset) == ((36, 4), 4, "shapes")
    names = {name for trial in search.trials for name in trial.runs.values()}
    assert names == {folder.path.name for folder in runs_in(undisturbed_search)} and len(names) == 16
    rates = {folder.read_run().recipe["optimizer"]["lr"] for folder in runs_in(undisturbed_search)}
    assert rates == {1e-3, 2e-3, 4e-3, 8e-3}


def test_a_search_that_is_finished_is_said_and_not_made_again(undisturbed_search):
    times = {folder.path: folder.done.stat().st_mtime_ns for folder in runs_in(undisturbed_search)}
    code, out, err = call(undisturbed_search)
    assert code == 0 and "The search is finished" in err and "methods:" in out
    assert times == {folder.path: folder.done.stat().st_mtime_ns for folder in runs_in(undisturbed_search)}


def test_a_method_that_a_table_has_got_since_is_searched_the_others_are_taken_from_the_record(
    tmp_path, undisturbed_search
):
    """FCOS from the record alone, its run folders are gone; ATSS by its runs, as the record does not have it."""
    (whole,) = searches_in(undisturbed_search)
    fcos = replace(whole, trials=tuple(trial for trial in whole.trials if trial.method == "fcos"))
    write_search(tmp_path, fcos)
    gone = {name for trial in fcos.trials for name in trial.runs.values()}
    for folder in runs_in(undisturbed_search):
        if folder.path.name not in gone:
            shutil.copytree(folder.path, tmp_path / folder.path.name)
    code, _, err = call(tmp_path)
    assert code == 0 and "The search is finished" not in err, err
    assert record(tmp_path) == replace(whole, command="")
    assert not any((tmp_path / name).exists() for name in gone)


def stopped(runs: Path, after: int, number: int) -> dict[Path, int]:
    """A search that gets the signal when so many runs are done: when each of them was."""
    line = [sys.executable, "-c", TWO, *words(runs)]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while len(done := list(runs.glob("*/done"))) < after:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == (75 if number == signal.SIGINT else -number), err
    assert "Traceback" not in err and searches_in(runs) == [] and len(done) < 16
    return {path: path.stat().st_mtime_ns for path in done}


def test_a_search_that_was_stopped_twice_ends_as_the_undisturbed_one(tmp_path, undisturbed_search):
    """More than 15 s: two processes that start Ray and its workers, and the rest of the search."""
    first = stopped(tmp_path, 3, signal.SIGKILL)
    second = stopped(tmp_path, 8, signal.SIGINT)
    assert first.items() <= second.items()
    code, _, err = call(tmp_path)
    assert code == 0, err
    assert record(tmp_path) == record(undisturbed_search)
    assert second == {path: path.stat().st_mtime_ns for path in second}


def plan(*words: str, profile: str = "cpu") -> tune.Planned:
    options, _ = parse(["--tune", "--profile", profile, *sets(*FEW), *words])
    return tune.plan_search(options)


def test_no_image_that_a_table_scores_is_scored_and_none_that_is_trained_on():
    planned = plan()
    finder = DatasetFinder(None)
    for seeds in planned.entries.values():
        spec, _ = finder.spec(seeds[0].recipe)
        assert spec.recipe.data.train == "tune" and not contents(spec.val) & contents(spec.train)
    assert len(planned.entries) == 4 * len(tune.searched_methods(planned.profile)) and planned.images == (36, 4)
    assert {seed.seed for seeds in planned.entries.values() for seed in seeds} == {1000, 1001, 1002, 1003}


def changed(monkeypatch, **changes) -> None:
    """The profile's search, changed."""
    cpu = load_profile("cpu")
    search = replace(cpu.search, **changes)
    monkeypatch.setattr(tune, "load_profile", lambda name: replace(cpu, search=search))


def test_images_that_a_table_scores_are_refused(monkeypatch):
    changed(monkeypatch, set=("data.train=val", "data.held_out=0.5"))
    with pytest.raises(UserError, match=r"would score 4 images that its tables score"):
        plan("--set", "data.val_images=8")
    changed(monkeypatch, set=("data.train=tune",))
    with pytest.raises(UserError, match=r"must hold images out of train: add data\.held_out=0\.1"):
        plan()


@pytest.mark.parametrize(
    ("words", "profile", "sentence"),
    [
        (["--set", "optimizer.lr=1e-3"], "cpu", "--set optimizer.lr=1e-3 would undo the search"),
        ([], "full", "The profile full has no search"),
    ],
)
def test_a_search_that_would_be_none_is_refused(words, profile, sentence):
    with pytest.raises(UserError, match=sentence):
        plan(*words, profile=profile)

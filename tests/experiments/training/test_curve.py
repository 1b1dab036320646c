"""AP on the way: where it is measured, and that a run does not notice."""

from dataclasses import replace

import pytest

from experiments import run
from experiments.grid.states import state_of_run
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder, runs_in
from experiments.records.schema import CurvePoint
from experiments.training.curve import curve_steps
from tests.tiny_runs import LONGER, differences, here, started, words

POINTS = [6, 12, 18]  # of 24 steps


@pytest.mark.parametrize(("evaluations", "steps"), [(1, set()), (2, {6}), (4, {3, 6, 9}), (100, set(range(1, 12)))])
def test_points_are_at_equal_distances_before_the_end(evaluations, steps):
    schedule = load("shapes", "fcos", [], 0).schedule
    assert curve_steps(replace(schedule, iterations=12, evaluations=evaluations)) == steps


CURVE = (*LONGER, "schedule.evaluations=4")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> RunFolder:
    """Undisturbed, with a curve."""
    runs = tmp_path_factory.mktemp("measured")
    assert here(run, *words(runs, overrides=CURVE))[0] == 0
    return runs_in(runs)[0]


def test_a_run_with_a_curve_ends_as_the_one_without(undisturbed, measured):
    assert differences(measured, undisturbed) == [f"curve of {measured.path}"]
    assert measured.path.name == undisturbed.path.name and not undisturbed.read_curve()
    assert [point.step for point in measured.read_curve()] == POINTS


@pytest.mark.parametrize("rows", [6, 13])
def test_a_killed_run_has_the_same_curve(command, tmp_path, measured, rows):
    process = started(tmp_path / "killed", rows, "schedule.evaluations=4")
    process.kill()
    process.communicate(timeout=120)
    assert not (tmp_path / "killed" / measured.path.name / "done").is_file()
    assert command(*words(tmp_path / "killed", overrides=CURVE))[0] == 0
    (killed,) = runs_in(tmp_path / "killed")
    assert differences(killed, measured) == []
    assert measured.curve.read_bytes() == killed.curve.read_bytes()


def test_a_run_under_way_shows_its_newest_point(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_curve([CurvePoint(6, {"AP": 0.1}), CurvePoint(12, {"AP": 0.2})])
    assert state_of_run(folder).ap == 0.2

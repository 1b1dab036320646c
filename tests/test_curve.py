"""AP on the way: where it is measured, and that a run does not notice."""

from dataclasses import replace

import pytest

from experiments import run
from experiments.grid.states import state
from experiments.recipes import recipe
from experiments.records.run_folder import RecordError, RunFolder, runs_in
from experiments.training import curve
from tests.test_run import LONGER, same, started, words

POINTS = [6, 12, 18]  # of 24 steps


@pytest.mark.parametrize(("evaluations", "marks"), [(1, set()), (2, {6}), (4, {3, 6, 9}), (100, set(range(1, 12)))])
def test_points_are_at_equal_distances_before_the_end(evaluations, marks):
    schedule = recipe.load("shapes", "fcos", [], 0).schedule
    assert curve.marks(replace(schedule, iterations=12, evaluations=evaluations)) == marks


CURVE = (*LONGER, "schedule.evaluations=4")


@pytest.fixture
def whole(typed, tmp_path) -> RunFolder:
    """Undisturbed, with a curve."""
    assert typed(run, *words(tmp_path / "whole", overrides=CURVE))[0] == 0
    return runs_in(tmp_path / "whole")[0]


def test_a_run_with_a_curve_ends_as_the_one_without(typed, tmp_path, whole):
    typed(run, *words(tmp_path / "plain", overrides=LONGER))
    (plain,) = runs_in(tmp_path / "plain")
    same(whole, plain)
    assert whole.path.name == plain.path.name and not plain.read_curve()
    assert [point["step"] for point in whole.read_curve()] == POINTS


@pytest.mark.parametrize("rows", [6, 13])
def test_a_killed_run_has_the_same_curve(typed, tmp_path, whole, rows):
    process = started(tmp_path / "killed", rows, "schedule.evaluations=4")
    process.kill()
    process.communicate(timeout=120)
    assert not (tmp_path / "killed" / whole.path.name / "done").is_file()
    assert typed(run, *words(tmp_path / "killed", overrides=CURVE))[0] == 0
    (killed,) = runs_in(tmp_path / "killed")
    same(whole, killed)
    assert whole.curve.read_bytes() == killed.curve.read_bytes()


def test_a_run_under_way_shows_its_newest_point(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_curve([{"step": 6, "AP": 0.1}, {"step": 12, "AP": 0.2}])
    assert state(folder).ap == 0.2


@pytest.mark.parametrize("text", ["[]", '{"points": 3}', '{"points": [{"AP": 1}]}', "{"])
def test_a_curve_that_is_none_is_named(tmp_path, text):
    RunFolder(tmp_path).curve.write_text(text)
    with pytest.raises(RecordError, match="Cannot read"):
        RunFolder(tmp_path).read_curve()

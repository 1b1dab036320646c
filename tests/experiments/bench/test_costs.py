"""The cost of a step is measured of finished runs with default settings, each method once a dataset and recipe."""

import pytest

from experiments.bench.costs import ROUNDS, WARMUP, measured, records_of
from experiments.recipes.load import load
from experiments.recipes.recipe import plain
from experiments.records.cost_schema import read_costs, write_costs
from experiments.runtime.errors import UserError
from tests.synthetic import record, result, write_run
from tests.tiny_runs import TINY


def write(runs, name, assigner, **changes):
    """A finished run whose recipe can be trained."""
    own = plain(load("shapes", assigner, [*TINY, "data.workers=0"], 0)) | changes
    made = record(assigner=assigner)
    made.recipe.clear()
    made.recipe.update(own)
    made.defaults.update(own["settings"])
    write_run(runs, name, made, result(0.5))


def test_each_method_once_and_none_of_changed_settings(tmp_path):
    write(tmp_path, "a0", "fcos")
    write(tmp_path, "a1", "fcos", seed=1)
    write(tmp_path, "b0", "atss")
    write_run(tmp_path, "changed", record(settings={"center": "none"}), result(0.5))
    write_run(tmp_path, "code", record(assigner="mine.py:Mine"), result(0.5))
    write_run(tmp_path, "new", record(assigner="retinanet"))
    assert [(r.assigner, r.seed) for r in records_of(tmp_path)] == [("atss", 0), ("fcos", 0)]
    costs = measured(tmp_path, None)
    assert [(c.dataset, c.assigner) for c in costs.costs] == [("shapes", "atss"), ("shapes", "fcos")]
    assert all(0 < c.seconds < 60 for c in costs.costs) and costs.steps == ROUNDS - WARMUP and costs.environment
    write_costs(tmp_path, costs)
    assert read_costs(tmp_path) == costs


def test_nothing_to_measure_is_a_sentence(tmp_path):
    assert read_costs(tmp_path).costs == ()
    with pytest.raises(UserError, match="holds no finished run"):
        records_of(tmp_path)

"""What a run keeps of its evaluation, and the guard that tries the evaluation before the training."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.collect import NO_EFFECT
from experiments import run
from experiments.data.readers.clean import Record, build
from experiments.protocols import evaluate
from experiments.protocols.interface import MAIN, Matches
from experiments.recipes import recipe
from experiments.records.run_folder import runs_in
from experiments.runtime.errors import UserError
from experiments.training import guards
from experiments.training.run_spec import Cell
from tests.test_run import command, words  # noqa: F401

PROTOCOLS = ("coco", "voc07", "voc10", "height")


def chosen(protocol):
    return recipe.load("shapes", "fcos", [f"test.protocol={protocol}"], 0)


@pytest.mark.parametrize("protocol", ["coco", "voc07"])
def test_a_run_keeps_matches_protocol_and_evaluator(tmp_path, command, protocol):  # noqa: F811
    typed = words(tmp_path, "--assigner", "fcos", overrides=(f"test.protocol={protocol}",))
    assert command(*typed)[0] == 0
    (folder,) = runs_in(tmp_path)
    done, matches = folder.read_done(), Matches.load(folder.matches)
    assert done["protocol"] == protocol
    assert done["evaluator"].split()[0] == {"coco": "hotcoco", "voc07": "numpy"}[protocol]
    assert set(MAIN) <= set(done)
    assert int(matches.images) == 4
    assert folder.matches.stat().st_mtime_ns <= folder.done.stat().st_mtime_ns
    assert command(*typed, "--evaluator", "pycocotools")[0] == 0
    assert len(runs_in(tmp_path)) == 1
    folder.clear()
    assert not folder.matches.exists()


def test_the_evaluator_is_an_override_that_the_hash_does_not_see():
    typed = run.arguments().parse_args(["--evaluator", "pycocotools", "--set", "seed=1"])
    assert typed.overrides == ["test.evaluator=pycocotools", "seed=1"]
    a, b = (recipe.load("shapes", "fcos", [f"test.evaluator={name}"], 0) for name in ("hotcoco", "pycocotools"))
    assert recipe.identity(a) == recipe.identity(b)
    assert recipe.identity(chosen("voc10")) != recipe.identity(a)
    assert "evaluator" in NO_EFFECT["test"]
    with pytest.raises(UserError, match="Did you mean 'hotcoco'"):
        recipe.load("shapes", "fcos", ["test.evaluator=hotcoca"], 0)


def test_the_record_names_what_computed_the_figures():
    assert evaluate.evaluator(chosen("height")).startswith("hotcoco 1.")
    assert evaluate.evaluator(recipe.load("shapes", "fcos", ["test.evaluator=pycocotools"], 0)).startswith(
        "pycocotools 2."
    )
    assert evaluate.evaluator(chosen("voc10")) == f"numpy {np.__version__}"


def cell(protocol):
    """Two images, the second with a box twice."""
    box, far = (10, 10, 60, 60), (100, 100, 160, 160)
    records = [Record("a.jpg", 1, 200, 200, [box, far], [0, 1], [False, True])]
    records += [Record("b.jpg", 2, 200, 200, [box, box], [1, 1], [False, False])]
    index = build("own", ("a", "b"), records)
    return Cell(chosen(protocol), index, index)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_sound_evaluation_passes_also_with_a_box_held_twice(protocol):
    guards.evaluation(cell(protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_evaluation_that_counts_wrong_is_stopped(monkeypatch, protocol):
    right = evaluate.scores
    worse = lambda index, found, recipe: right(index, replace(found, boxes=found.boxes + 20), recipe)  # noqa: E731
    monkeypatch.setattr(evaluate, "scores", worse)
    with pytest.raises(UserError, match=rf"AP 0\.000, not 1, by the protocol {protocol}"):
        guards.evaluation(cell(protocol))

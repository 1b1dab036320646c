"""What names a run, and what does not."""

import pytest

from experiments.cli.arguments import parse
from experiments.recipes.load import load
from experiments.recipes.recipe import identity
from experiments.records.schema import NO_EFFECT
from experiments.runtime.errors import UserError


def test_the_evaluator_is_an_override_that_the_hash_does_not_see():
    options, _ = parse(["--evaluator", "pycocotools", "--set", "seed=1"])
    assert options.overrides == ["seed=1", "test.evaluator=pycocotools"]
    a, b = (load("shapes", "fcos", [f"test.evaluator={name}"], 0) for name in ("hotcoco", "pycocotools"))
    assert identity(a) == identity(b)
    assert identity(load("shapes", "fcos", ["test.protocol=voc10"], 0)) != identity(a)
    assert "evaluator" in NO_EFFECT["test"]
    with pytest.raises(UserError, match="Did you mean 'hotcoco'"):
        load("shapes", "fcos", ["test.evaluator=hotcoca"], 0)

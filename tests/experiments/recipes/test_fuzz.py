"""Hostile recipes: a sentence, never a traceback, never a hang."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from experiments.recipes.load import load
from experiments.recipes.names import FOLDER
from experiments.recipes.recipe import from_dict, plain
from experiments.runtime.errors import UserError
from tests.hostile import HANG, changed, damaged, fuzz

hostile = fuzz(25, HANG)
RECIPE = plain(load("shapes", "fcos", [], 0))


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recipes") / "own.yaml"


def read_recipe(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    try:
        load(str(path), "fcos", [], 0)
    except UserError as error:
        assert len(str(error)) < 5000


@hostile
@given(text=damaged((FOLDER / "shapes.yaml").read_bytes()))
def test_a_recipe_of_other_bytes_is_read_or_refused(path, text):
    read_recipe(path, text)


@hostile
@given(values=changed({key: RECIPE[key] for key in ("data", "model", "schedule", "optimizer", "test")}))
def test_a_recipe_of_other_values_is_read_or_refused(path, values):
    read_recipe(path, yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass"))
    try:
        from_dict({"assigner": "fcos", "dataset": "shapes", **values}, "run.json")
    except UserError:
        return


@hostile
@given(key=st.sampled_from(("schedule.batch", "data.train", "optimizer.lr", "model", "")), value=st.text(max_size=12))
def test_words_of_the_command_line_are_taken_or_refused(key, value):
    try:
        load("shapes", "fcos", [f"{key}={value}"], 0)
    except UserError:
        return

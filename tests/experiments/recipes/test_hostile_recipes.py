"""A recipe from a stranger runs no code, takes no memory, and is refused in one short sentence."""

from itertools import pairwise

import pytest

from experiments.recipes.load import load
from experiments.recipes.names import FOLDER
from experiments.runtime.errors import UserError


def test_a_recipe_names_no_code(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text((FOLDER / "shapes.yaml").read_text() + f"assigner: {tmp_path}/own.py:Own\n")
    with pytest.raises(UserError, match="names assigner"):
        load(str(path), "fcos", [], 0)


BOMB = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghij"))


@pytest.mark.parametrize("text", [BOMB, "[" * 5000, "data: " + "[" * 900 + "]" * 900, "x: 2001-99-99", "a" * 2**21])
def test_a_recipe_bomb_is_one_short_sentence(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        load(str(path), "fcos", [], 0)
    assert len(str(error.value)) < 2000


def test_a_recipe_runs_no_code(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"data: !!python/object/apply:os.system ['touch {tmp_path}/witness']")
    with pytest.raises(UserError, match="python/object"):
        load(str(path), "fcos", [], 0)
    assert not (tmp_path / "witness").exists()

"""From a recipe to an index."""

import json

import pytest

from experiments.data.datasets import load_index
from experiments.recipes.load import load
from experiments.recipes.recipe import identity
from experiments.runtime.errors import UserError
from tests.samples import instances, write_coco


def test_a_dataset_of_ones_own_is_a_file_of_two_lines(tmp_path):
    write_coco(tmp_path / "images", json.dumps(instances()))
    text = "like: coco\ndata: {reader: coco, root: images, train: train2017, val: train2017, classes: [cat]}\n"
    (tmp_path / "own.yaml").write_text(text)
    own = load(str(tmp_path / "own.yaml"), "fcos", [], 0)
    assert own.dataset == "own" and own.data.short == (800,) and own.schedule.iterations == 90000
    assert len(load_index(own.data, "own", None, "train2017")) == 1
    assert "root" not in identity(own)["data"]
    (tmp_path / "own.yaml").write_text(text.replace("coco\n", "cocoa\n", 1))
    with pytest.raises(UserError, match="Did you mean 'coco"):
        load(str(tmp_path / "own.yaml"), "fcos", [], 0)

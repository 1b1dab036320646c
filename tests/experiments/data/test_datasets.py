"""From a recipe to an index."""

import json

import pytest

from experiments.data.datasets import load_index
from experiments.recipes.load import load
from experiments.recipes.names import dataset_names
from experiments.recipes.recipe import identity
from experiments.runtime.errors import UserError
from tests.samples import instances, write_coco

PUBLIC = ("coco", "voc", "objects365", "widerface")


def test_a_dataset_of_ones_own_is_a_file_of_two_lines(tmp_path):
    write_coco(tmp_path / "images", json.dumps(instances()))
    text = "like: coco\ndata: {reader: coco, root: images, train: train2017, val: train2017, classes: [cat]}\n"
    (tmp_path / "own.yaml").write_text(text)
    own = load(str(tmp_path / "own.yaml"), "fcos", [], 0)
    assert own.dataset == "own" and own.data.short == (800,) and own.schedule.iterations == 90000
    assert len(load_index(own.data, "own", None, "train2017")) == 1
    assert "root" not in identity(own)["data"]
    assert (load("coco", "fcos", [], 0).data.exif, own.data.exif) == ("ignore", "apply")  # it is not COCO
    (tmp_path / "own.yaml").write_text(text.replace("coco\n", "cocoa\n", 1))
    with pytest.raises(UserError, match="Did you mean 'coco"):
        load(str(tmp_path / "own.yaml"), "fcos", [], 0)


@pytest.mark.parametrize("name", [name for name in dataset_names() if name.split("-")[0] in PUBLIC])
def test_public_datasets_are_read_as_their_own_tools_read_them(name):
    """Each file says so itself: `like` does not hand it on."""
    assert load(name, "fcos", [], 0).data.exif == "ignore"


def test_how_files_are_read_does_not_rename_runs_on_synthetic_datasets():
    changed = ["data.exif=ignore", "data.max_pixels=7"]
    assert identity(load("shapes", "fcos", changed, 0)) == identity(load("shapes", "fcos", [], 0))
    with pytest.raises(UserError, match=r"value of data\.exif"):
        load("shapes", "fcos", ["data.exif=turn"], 0)

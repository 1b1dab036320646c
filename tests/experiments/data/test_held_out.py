"""A part of the training images that is held out: disjoint, readable, and the same for everybody."""

from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest

from experiments.data.held_out import contents, split_off
from experiments.recipes.load import load
from experiments.recipes.recipe import identity
from experiments.runtime.errors import UserError
from experiments.training.run_spec import find
from tests.samples import REAL, real

TUNE = ["data.train_images=40", "data.val_images=10", "data.train=tune", "data.held_out=0.25"]


def drawn(*words: str):
    return find(load("shapes", "fcos", ["schedule.batch=4", *words], 0), None)


def test_what_is_evaluated_is_a_part_of_train_that_is_not_trained_on():
    spec, table = drawn(*TUNE), drawn("data.train_images=40", "data.val_images=10")
    assert (len(spec.train), len(spec.val)) == (30, 10)
    assert sorted([*spec.train.image_ids, *spec.val.image_ids]) == list(range(40))
    assert spec.recipe.data.val == "tune"
    assert not contents(spec.val) & contents(spec.train)
    assert not (contents(spec.val) | contents(spec.train)) & (contents(table.val) | contents(table.train))
    assert len(contents(spec.val)) == 10


def test_each_image_keeps_its_boxes_and_pixels():
    whole = drawn("data.train_images=40", "data.val_images=10", "data.train=tune").train
    part = drawn(*TUNE).val
    again = ForkingPickler.loads(ForkingPickler.dumps(part))  # as a process of the loader gets it
    for position, name in enumerate(part.image_ids.tolist()):
        assert np.array_equal(part.of(position)[0], whole.of(name)[0])
        assert (part.read(position) == whole.read(name)).all() and (again.read(position) == whole.read(name)).all()
    assert part.digest() != whole.digest()


def test_the_part_is_the_same_each_time_and_another_share_another_run():
    assert drawn(*TUNE).id == drawn(*TUNE).id
    assert drawn(*TUNE).id != drawn(*TUNE[:-1], "data.held_out=0.5").id
    assert "held_out" not in identity(load("shapes", "fcos", [], 0))["data"]


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_a_share_that_leaves_no_image_is_refused(share):
    whole = drawn("data.train_images=40", "data.val_images=10").train
    with pytest.raises(UserError, match=r"data\.held_out is .*: of 40 training images it leaves"):
        split_off(whole, whole, share)


@real
def test_of_files_the_part_is_read_checked_and_scored_as_its_file_has_it():
    recipe = load("bccd", "fcos", ["data.held_out=0.2", "data.val=nowhere"], 0)  # val is not asked for
    spec, table = (
        find(recipe, REAL / "voc_format" / "bccd"),
        find(load("bccd", "fcos", [], 0), REAL / "voc_format" / "bccd"),
    )
    assert (len(spec.train), len(spec.val)) == (164, 41)
    assert contents(spec.train) | contents(spec.val) == contents(table.train)
    assert not contents(spec.val) & (contents(table.val) | contents(spec.train))
    assert spec.val.xywh is not None and spec.train.xywh is None  # cleaned is what is trained on alone
    assert spec.val.read(0).shape[1:] == tuple(spec.val.sizes[0])
    assert len(spec.val.files.hashes) == 41

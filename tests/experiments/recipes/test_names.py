"""Whose recipe it is: ours, by name, or one's own, by file."""

import shutil

import pytest

from experiments.data.datasets import load_index
from experiments.recipes.load import load
from experiments.recipes.names import FOLDER, dataset_name, dataset_names, recipe_file
from experiments.recipes.recipe import identity
from experiments.runtime.errors import UserError


@pytest.mark.parametrize("name", ["voc.yaml", "VOC.YAML", "coco.yml", "shapes-voc.yaml", "finetune.yaml"])
def test_a_recipe_of_ones_own_that_is_called_like_ours_is_not_ours(tmp_path, name):
    path = tmp_path / name
    path.write_text("like: voc\ndata: {root: data}\n")
    recipe = load(str(path), "fcos", [], 0)
    assert recipe.dataset == name and recipe.data.root == str(tmp_path / "data")
    assert identity(recipe) != identity(load("voc", "fcos", [], 0))


@pytest.mark.parametrize("ending", ["yaml", "yml", "YAML", "Yml"])
def test_another_is_called_by_its_stem_whatever_its_ending(tmp_path, ending):
    path = tmp_path / f"mine.{ending}"
    path.write_text("like: coco\n")
    assert load(str(path), "fcos", [], 0).dataset == "mine"


def test_ours_by_its_file_is_ours():
    assert {dataset_name(str(path)) for path in FOLDER.glob("*.yaml")} <= set(dataset_names())
    assert dataset_name("shapes-voc") == "shapes-voc"


def test_a_synthetic_recipe_of_ones_own_is_drawn_as_shapes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("like: shapes\ndata: {train_images: 3, val_images: 2}\n")
    own, ours = load(str(path), "fcos", [], 0), load("shapes", "fcos", [], 0)
    indices = [load_index(recipe.data, recipe.dataset, None, "val") for recipe in (own, ours)]
    assert (indices[0].boxes == indices[1].boxes[: len(indices[0].boxes)]).all() and len(indices[0]) == 2
    with pytest.raises(UserError, match="Unknown split of the synthetic datasets 'test'"):
        load_index(own.data, own.dataset, None, "test")
    path.write_text("like: shapes-voc\n")
    with pytest.raises(UserError, match="like: 'shapes-voc'"):
        load(str(path), "fcos", [], 0)


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("missing.yaml", "there is no such file"),
        ("no/folder/missing.YML", "there is no such file"),
        ("folder", "is a folder"),
        ("folder.yaml", "is a folder"),
        ("annotations.json", "is no YAML file"),
        ("shape", "Did you mean 'shapes'?"),
        ("../recipes/voc", "Unknown dataset"),
        ("", "Unknown dataset ''"),
        ("a\0b.yaml", "there is no such file"),
        ("a" * 5000 + ".yaml", "there is no such file"),
    ],
)
def test_what_is_no_recipe_gets_a_sentence_without_a_system_error(tmp_path, monkeypatch, dataset, sentence):
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "folder.yaml"):
        (tmp_path / name).mkdir()
    (tmp_path / "annotations.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        recipe_file(dataset)
    assert sentence in str(caught.value) and "Errno" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_called_like_a_dataset_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "voc")
    assert recipe_file("voc") == FOLDER / "voc.yaml"


def test_five_lines_make_a_recipe_for_a_few_hundred_images(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("like: finetune\ndata:\n  reader: voc\n  root: images\n  classes: [cat, dog]\n")
    recipe = load(str(path), "autoassign", [], 0)
    assert (recipe.dataset, recipe.data.reader, recipe.data.train, recipe.data.val) == ("mine", "voc", "train", "val")
    assert (recipe.model.weights, recipe.model.frozen_stages, recipe.schedule.evaluations) == ("imagenet", 2, 6)
    assert recipe.schedule.iterations <= 3000 and recipe.data.classes == ("cat", "dog")

"""From a recipe to an index."""

import json

import pytest

from experiments.data.datasets import load_index
from experiments.data.readers import SplitFiles
from experiments.recipes.load import load
from experiments.recipes.names import dataset_names
from experiments.recipes.recipe import from_dict, identity, plain
from experiments.runtime.errors import UserError
from experiments.training import run_spec
from tests.samples import image, instances, write_coco

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


LABEL_STUDIO = ("result.json", ".", "images/a.jpg")  # annotations, folder, file_name
CVAT = ("annotations/instances_default.json", "images/default", "a.jpg")
ROBOFLOW = ("train/_annotations.coco.json", "train", "a.jpg")


def exported(root, annotations: str, folder: str, name: str) -> None:
    (root / annotations).parent.mkdir(parents=True, exist_ok=True)
    (root / annotations).write_text(json.dumps(instances(name)))
    image(root / folder / name)


@pytest.mark.parametrize("layout", [LABEL_STUDIO, CVAT, ROBOFLOW])
@pytest.mark.parametrize("typed", ["in the file", "on the command line", "field by field"])
def test_a_split_may_be_named_by_its_files(tmp_path, layout, typed):
    annotations, folder, _ = layout
    exported(tmp_path, *layout)
    text = f"{{annotations: {annotations}, images: {folder}}}"
    splits = {"in the file": text}.get(typed, "train2017")
    (tmp_path / "own.yaml").write_text(f"like: coco\ndata: {{root: ., train: {splits}, val: {splits}}}\n")
    overrides = {
        "in the file": [],
        "on the command line": [f"data.{split}={text}" for split in ("train", "val")],
        "field by field": [
            f"data.{split}.{field}={value}"
            for split in ("train", "val")
            for field, value in (("annotations", annotations), ("images", folder))
        ],
    }[typed]
    own = load(str(tmp_path / "own.yaml"), "fcos", [*overrides, "schedule.batch=1"], 0)
    assert own.data.train == own.data.val == SplitFiles(annotations, folder)
    run = run_spec.find(own, None)
    assert run.train.boxes.tolist() == [[1, 2, 4, 6]] and run.train.read(0).shape == (3, 20, 30)
    assert from_dict(plain(run.recipe), "run.json").data.train == own.data.train
    assert str(own.data.train) == f"{annotations} with {folder}"


def test_files_may_lie_anywhere(tmp_path):
    exported(tmp_path / "labels", "a.json", "../elsewhere", "a.jpg")
    files = SplitFiles(str(tmp_path / "labels" / "a.json"), str(tmp_path / "elsewhere"))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "link").symlink_to(tmp_path / "labels")
    own = load("coco", "fcos", [], 0)
    for root in (tmp_path / "labels", tmp_path / "deep" / "er" / "link"):
        for _ in range(2):  # the second time from the cache
            assert load_index(own.data, "own", root, files).read(0).shape == (3, 20, 30)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data.train={annotations: b.json}", "there is no file .*b.json"),
        ("data.train={annotations: a.json, images: b}", "there is no folder .*b"),
        ("data.train={images: b}", "data.train lacks annotations"),
        ("data.train={annotations: a.json, folder: b}", "Unknown key in data.train 'folder'"),
        ("data.train.images=b", "data.train lacks annotations"),
        ("data.train.folder=b", "Unknown key in data.train 'folder'"),
        ("data.train={annotations: 3}", "data.train.annotations is"),
        ("data.reader.name=b", "reader is a single value"),
        ("data=b", "data is a group"),
    ],
)
def test_files_that_are_not_there_are_named(tmp_path, override, sentence):
    exported(tmp_path, "a.json", "images", "a.jpg")
    with pytest.raises(UserError, match=sentence):
        run_spec.find(load("coco", "fcos", [override], 0), tmp_path)


def test_readers_of_fixed_layouts_take_names_of_splits(tmp_path):
    with pytest.raises(UserError, match=r"data\.reader=voc takes the name of a split, not a\.json with images"):
        run_spec.find(load("voc", "fcos", ["data.train={annotations: a.json, images: images}"], 0), tmp_path)


@pytest.mark.parametrize("name", [name for name in dataset_names() if name.split("-")[0] in PUBLIC])
def test_public_datasets_are_read_as_their_own_tools_read_them(name):
    """Each file says so itself: `like` does not hand it on."""
    assert load(name, "fcos", [], 0).data.exif == "ignore"


def test_how_files_are_read_does_not_rename_runs_on_synthetic_datasets():
    changed = ["data.exif=ignore", "data.max_pixels=7"]
    assert identity(load("shapes", "fcos", changed, 0)) == identity(load("shapes", "fcos", [], 0))
    with pytest.raises(UserError, match=r"value of data\.exif"):
        load("shapes", "fcos", ["data.exif=turn"], 0)

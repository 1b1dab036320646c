"""YOLO's text layout, as each tool writes it, and one sentence for a damaged file."""

import os
from pathlib import Path

import pytest

from experiments.data.parsing.yolo_text import BOX, POLYGON, class_field
from experiments.data.readers import yolo
from experiments.runtime.errors import UserError
from tests.samples import ask, image

NAMES = "names: [cat, dog]\n"
TRUTH = [[3.0, 4.0, 9.0, 12.0], [0.0, 0.0, 30.0, 20.0]]  # of a.jpg, 30 x 20 px; b.jpg has none
ROWS = "1 0.2 0.4 0.2 0.4\n0 0 0 1 0 1 1 0.5 1\n\n"


def write(root: Path, images: str, labels: str, rows: str = ROWS, **files: str) -> None:
    """Images a.jpg and b.jpg, the labels of a.jpg; `files`: name with __ for the dot -> text."""
    for name in ("a.jpg", "b.jpg"):
        image(root / images / name)
    (root / labels).mkdir(parents=True, exist_ok=True)
    (root / labels / "a.txt").write_text(rows)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)


LAYOUTS = [  # images, labels, split, files: of one tool each
    ("images/train", "labels/train", "train", {"data__yaml": f"path: .\ntrain: images/train\n{NAMES}"}),
    ("images/train", "labels/train", "train", {"coco8__yaml": f"path: coco8\ntrain: [images/train]\n{NAMES}"}),
    ("set/images/t", "set/labels/t", "train", {"data__yaml": f"path: set\ntrain: images/t\n{NAMES}"}),
    ("images/s/images/t", "images/s/labels/t", "train", {"data__yaml": f"train: images/s/images/t\n{NAMES}"}),
    ("train/images", "train/labels", "train", {"data__yaml": f"train: ../train/images\nnc: 2\n{NAMES}"}),
    ("valid/images", "valid/labels", "val", {"data__yaml": f"val: ../valid/images\nnc: 2\n{NAMES}"}),
    ("images/train", "labels/train", "train", {"data__yaml": f"train: train.txt\n{NAMES}",
     "train__txt": "images/train/a.jpg\r\n./images/train/b.jpg\r\n"}),
    ("obj_train_data", "obj_train_data", "train", {"obj__names": "cat\ndog\n", "obj__data": "classes = 2\n",
     "train__txt": "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n"}),
    ("images", "labels", "images", {"classes__txt": "cat\ndog\n", "notes__json": "{}"}),
    ("one/images", "one/labels", "one/images", {"one/classes__txt": "cat\ndog\n"}),
    ("images", "labels", "images", {"labels/classes__txt": "cat\ndog"}),
    (".", ".", ".", {"classes__txt": "cat\ndog\n"}),
    ("x", "x", "x", {"data__yaml": "names: {0: cat, 1: dog}\n"}),
]  # fmt: skip


@pytest.mark.parametrize(("images", "labels", "split", "files"), LAYOUTS)
def test_the_layout_of_a_tool_is_read(tmp_path, images, labels, split, files):
    write(tmp_path, images, labels, **files)
    index = yolo.read(ask(tmp_path, split))
    assert index.classes == ("cat", "dog") and index.labels.tolist() == [1, 0] and index.offsets.tolist() == [0, 2, 2]
    assert index.boxes.tolist() == [pytest.approx(box, abs=1e-5) for box in TRUTH]
    assert index.sizes.tolist() == [[20, 30]] * 2 and [Path(path).name for path in index.paths] == ["a.jpg", "b.jpg"]
    watched = {path.relative_to(tmp_path).as_posix() for path in yolo.sources(ask(tmp_path, split))}
    assert Path(labels, "a.txt").as_posix() in watched and watched & {name.replace("__", ".") for name in files}
    assert index.read(0).shape == (3, 20, 30)


def test_an_absolute_path_below_the_root_and_a_list_of_lists_are_read(tmp_path):
    root = tmp_path / "data"
    write(root, "images/a", "labels/a", data__yaml=f"train: [{root}/images/a, more.txt]\n{NAMES}")
    image(root / "images/c.JPG")
    (root / "more.txt").write_text(f"{root}/images/c.jpg\n")
    assert [Path(path).name for path in yolo.read(ask(root)).paths] == ["a.jpg", "b.jpg", "c.JPG"]


def test_folders_behind_links_are_read(tmp_path):
    write(tmp_path / "disk", "images/train", "labels/train")
    (tmp_path / "data").mkdir()
    for name in ("images", "labels"):
        os.symlink(tmp_path / "disk" / name, tmp_path / "data" / name)
    os.symlink(tmp_path / "data", tmp_path / "data" / "images" / "loop")
    (tmp_path / "data" / "data.yaml").write_text(f"train: images/train\n{NAMES}")
    assert yolo.read(ask(tmp_path / "data")).offsets.tolist() == [0, 2, 2]


def test_a_subset_drops_the_other_classes_and_counts_them(tmp_path):
    write(tmp_path, "images", "labels", data__yaml=NAMES)
    index = yolo.read(ask(tmp_path, "images", "dog"))
    assert (index.classes, index.labels.tolist(), index.counters["other_class"]) == (("dog",), [0], 1)
    with pytest.raises(UserError, match=r"data.yaml: Unknown class 'dgo'\. Did you mean 'dog'"):
        yolo.read(ask(tmp_path, "images", "dgo"))


def test_of_a_pose_the_box_is_read(tmp_path):
    pose = "1 0.2 0.4 0.2 0.4 0.5 0.5 2 0 0 0\n"
    write(tmp_path, "images", "labels", pose, data__yaml=f"kpt_shape: [2, 3]\n{NAMES}")
    assert yolo.read(ask(tmp_path, "images")).boxes.tolist() == [pytest.approx(TRUTH[0], abs=1e-5)]


COLUMNS = [(i, field) for i, field in enumerate((class_field(2), *BOX))]
CORNERS = [(5 + i, field) for i, field in enumerate(POLYGON)]


@pytest.mark.parametrize(("column", "field"), COLUMNS + CORNERS)
@pytest.mark.parametrize("wrong", ["below", "above", "wide", "nan", "1,5"])
def test_a_field_out_of_its_range_is_named(tmp_path, column, field, wrong):
    words = ["1", "0.2", "0.4", "0.2", "0.4", *(["0.5", "0.5"] if column > 4 else [])]
    words[column] = {"below": f"{field.low - 0.01}", "above": f"{field.high + 0.01}"}.get(wrong, wrong)
    write(tmp_path, "images", "labels", f"\n{' '.join(words)}\n", data__yaml=NAMES)
    with pytest.raises(UserError) as error:
        yolo.read(ask(tmp_path, "images"))
    sentence = f"{tmp_path}/labels/a.txt, line 2: {field.name} is '{words[column]}'; it must be {field.range}."
    assert str(error.value) == sentence


@pytest.mark.parametrize("row", ["1", "1 0.5 0.5 0.5", "1 0.2 0.4 0.2 0.4 0.9", "1 .1 .1 .1 .1 .1 .1 .1"])
def test_another_number_of_columns_is_refused(tmp_path, row):
    write(tmp_path, "images", "labels", row, data__yaml=NAMES)
    with pytest.raises(UserError, match=r"a.txt, line 1 is '.*'; it must be class cx cy w h, or class and the x y"):
        yolo.read(ask(tmp_path, "images"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("names: []\n", r"names is \[\]; it must be a list"),
        ("nc: 2\n", "names is missing"),
        ("names: {1: cat}\n", "numbers from 0 on"),
        ("names: [cat, yes]\n", "name of class 1 is True; it must be a text"),
        ("names: [cat, '']\n", "name of class 1 is ''"),
        ("names: [cat, cat]\n", "'cat' is the name of class 0 and of 1"),
        ("nc: 3\n" + NAMES, "nc is 3; it must be 2"),
        ("nc: x\n" + NAMES, "nc is 'x'"),
        ("train: 3\n" + NAMES, "train is 3; it must be a folder"),
        ("train: []\n" + NAMES, r"train is \[\]"),
        ("train: absent\n" + NAMES, "train: 'absent' does not exist below"),
        ("train: /content/images\n" + NAMES, "train: '/content/images' does not exist below"),
        ("train: a/../../images\n" + NAMES, "points outside"),
        ("train: [images, images]\n" + NAMES, "images/a.jpg stands before"),
        ("kpt_shape: 3\ntrain: images\n" + NAMES, "kpt_shape is 3; it must be two whole numbers"),
    ],
)
def test_a_wrong_description_is_named(tmp_path, text, sentence):
    write(tmp_path, "images", "labels", data__yaml=text)
    with pytest.raises(UserError, match=sentence) as error:
        yolo.read(ask(tmp_path))
    assert "data.yaml" in str(error.value) or "images/a.jpg" in str(error.value)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"labels/c.txt": "0 0.5 0.5 1 1\n"}, r"labels/c.txt: no image has these labels"),
        ({"images/a.png": ""}, r"images/a.jpg and images/a.png share the labels labels/a.txt"),
        ({"labels/a.txt": None}, r"labels/a.txt: no image of .*images has a label file"),
        ({"labels/a.TXT": ""}, r"both labels/a.TXT and labels/a.txt"),
        ({"images/a.jpg": ""}, r"images/a.jpg: the image does not decode"),
        ({"data.yaml": None}, r"no data.yaml, classes.txt or obj.names is there"),
        ({"images/a.jpg": None, "images/b.jpg": None, "labels/a.txt": None}, "images: no image is there"),
    ],
)
def test_files_that_do_not_fit_each_other_are_named(tmp_path, files, sentence):
    write(tmp_path, "images", "labels", data__yaml=NAMES)
    for name, text in files.items():
        (tmp_path / name).unlink() if text is None else (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=sentence):
        yolo.read(ask(tmp_path, "images"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("images/a.jpg\nimages/a.jpg\n", "line 2: images/a.jpg stands before, at .*line 1"),
        ("../images/a.jpg", "points outside"),
        ("images/c.jpg", "line 1: .*images/c.jpg does not exist"),
    ],
)
def test_a_wrong_image_list_is_named(tmp_path, line, sentence):
    write(tmp_path, "images", "labels", data__yaml=f"train: train.txt\n{NAMES}", train__txt=line)
    with pytest.raises(UserError, match=sentence) as error:
        yolo.read(ask(tmp_path))
    assert "train.txt" in str(error.value)


def test_other_text_files_beside_the_images_are_no_labels(tmp_path):
    write(tmp_path, "x", "x", data__yaml=NAMES)
    for name, text in {"README.txt": "1 of a set", "classes.txt": "cat\ndog\n", "empty.txt": ""}.items():
        (tmp_path / "x" / name).write_text(text)
    assert len(yolo.read(ask(tmp_path, "x"))) == 2

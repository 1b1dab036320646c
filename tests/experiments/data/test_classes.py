"""Classes of train and val, whose files number them as they like: matched by name, or one sentence with both lists."""

import json
import re
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data.classes import match_classes
from experiments.data.datasets import load_index
from experiments.data.parsing.clean import Record, build_index
from experiments.protocols.coco import evaluate_coco
from experiments.protocols.interface import Detections
from experiments.recipes.load import load
from experiments.runtime.errors import UserError
from experiments.training import run_spec
from tests.hostile import fuzz
from tests.samples import image, write_voc

NAMES = ("cat", "dog", "owl", "Cat", "elk")
BOX = (10, 10, 50, 60)


def index(classes: tuple[str, ...], used: list[str]):
    """One image an object."""
    records = [Record("a.jpg", i, 90, 90, [BOX], [classes.index(name)], [False]) for i, name in enumerate(used)]
    return build_index("own", classes, records, clean=False)


def perfect(train, val) -> float:
    """AP of a detector that names each object of val by the number that training gave to its name."""
    labels = np.array([train.classes.index(val.classes[k]) for k in val.labels])
    owner = np.repeat(np.arange(len(val)), np.diff(val.offsets))
    boxes = Detections(owner, val.boxes, labels, np.ones(len(labels), np.float32))
    return evaluate_coco(match_classes(train, val)[0], boxes, 100, "hotcoco").metrics["AP"]


@pytest.mark.parametrize("order", [*permutations(NAMES[:3])])
@pytest.mark.parametrize("used", [["cat", "dog", "owl"], ["dog"], ["owl", "cat"]])
def test_a_perfect_detector_scores_1_whatever_val_calls_first(order, used):
    train = index(NAMES[:3], list(NAMES[:3]))
    assert perfect(train, index(order, used)) == pytest.approx(1)
    assert perfect(train, index(tuple(n for n in order if n in used), used)) == pytest.approx(1)  # unused ones omitted


def test_an_extra_class_without_objects_is_left_out_and_said():
    train, val = index(("cat", "dog"), ["cat", "dog"]), index(("elk", "dog"), ["dog"])
    matched, note = match_classes(train, val)
    assert matched.classes == ("cat", "dog") and matched.labels.tolist() == [1]
    assert note.endswith("without an object and left out of val: elk; not in val: cat")
    assert matched.digest() != val.digest()
    assert match_classes(train, train) == (train, "")


def test_an_extra_class_with_objects_stops_and_both_lists_are_named():
    with pytest.raises(UserError) as error:
        match_classes(index(("cat", "dog"), ["cat"]), index(("Cat", "dog"), ["Cat", "Cat", "dog"]))
    assert str(error.value).startswith("val has objects of classes that train lacks: 'Cat' (2). ")
    assert "Classes of train: cat, dog. Classes of val: Cat, dog. " in str(error.value)


def written(root, split: str, names: dict[int, str], used: list[str], reader: str) -> None:
    """A split in the layout of COCO or Objects365, one image of 90 x 90 px for each object."""
    number = {name: k for k, name in names.items()}
    data = {
        "images": [{"id": i, "file_name": "a.jpg", "height": 90, "width": 90} for i in range(len(used))],
        "annotations": [
            {"id": i, "image_id": i, "category_id": number[name], "bbox": [10, 10, 40, 50], "iscrowd": 0}
            for i, name in enumerate(used)
        ],
        "categories": [{"id": k, "name": name} for k, name in names.items()],
    }
    image(root / split / "a.jpg", 90, 90)
    name = f"instances_{split}.json" if reader == "coco" else f"zhiyuan_objv2_{split}.json"
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / name).write_text(json.dumps(data))


def own(reader: str, *overrides: str):
    options = [f"data.reader={reader}", "data.train=train", "data.val=val", "schedule.batch=1", *overrides]
    return load("coco", "fcos", options, 0)


@st.composite
def numbered(draw, names: list[str]) -> dict[int, str]:
    """Category ids, in any order and with gaps."""
    ids = draw(st.lists(st.integers(0, 99), min_size=len(names), max_size=len(names), unique=True))
    return dict(zip(ids, draw(st.permutations(names)), strict=True))


some = st.lists(st.sampled_from(NAMES), min_size=1, unique=True)


@pytest.mark.parametrize("reader", ["coco", "objects365"])
@fuzz(60)
@given(data=st.data(), train_names=some, val_names=some)
def test_two_splits_of_permuted_subset_and_superset_classes(tmp_path_factory, reader, data, train_names, val_names):
    """Each object of val has the label of its name in train; or the run stops, for a class of objects train lacks."""
    root = tmp_path_factory.mktemp("own")
    used = data.draw(st.lists(st.sampled_from(val_names), max_size=4))
    written(root, "train", data.draw(numbered(train_names)), train_names, reader)
    written(root, "val", data.draw(numbered(val_names)), used or val_names[:1], reader)
    used = used or val_names[:1]
    lacking = {name for name in used if name not in train_names}
    try:
        run = run_spec.find(own(reader), root)
    except UserError as error:
        assert lacking and all(f"'{name}'" in str(error) for name in lacking)
        assert all(name in str(error) for name in (*train_names, *val_names))
        return
    assert not lacking and run.val.classes == run.train.classes
    assert [run.val.classes[k] for k in run.val.labels] == used
    assert [run.train.classes[k] for k in run.train.labels] == train_names
    assert bool(run.note) == (
        list(run.train.classes) != list(load_index(own(reader).data, "coco", root, "val", False).classes)
    )


@pytest.mark.parametrize("reader", ["coco", "objects365"])
def test_a_subset_of_the_classes_drops_the_others_in_both_splits(tmp_path, reader):
    """Also where val does not list one of them, or numbers them otherwise; a name that train lacks is a slip."""
    written(tmp_path, "train", {3: "owl", 1: "cat", 2: "dog"}, ["cat", "dog", "owl"], reader)
    written(tmp_path, "val", {1: "elk", 2: "cat"}, ["elk", "cat"], reader)
    run = run_spec.find(own(reader, "data.classes=[owl, cat]"), tmp_path)
    assert run.train.classes == run.val.classes == ("owl", "cat")
    assert run.train.labels.tolist() == [1, 0] and run.val.labels.tolist() == [1]
    assert run.train.counters["other_class"] == run.val.counters["other_class"] == 1
    with pytest.raises(UserError, match=re.escape("instances_train" if reader == "coco" else "objv2_train")):
        run_spec.find(own(reader, "data.classes=[owl, elk]"), tmp_path)


def test_the_cached_index_of_val_is_that_of_its_own_files(tmp_path):
    """Another train beside the same val: matched anew."""
    written(tmp_path, "val", {1: "dog", 2: "cat"}, ["dog", "cat"], "coco")
    digests = set()
    for names in ({1: "cat", 2: "dog"}, {1: "cat", 3: "dog", 2: "elk"}, {1: "dog", 2: "cat"}):
        written(tmp_path, "train", names, list(names.values()), "coco")
        run = run_spec.find(own("coco"), tmp_path)
        assert [run.val.classes[k] for k in run.val.labels] == ["dog", "cat"]
        digests.add(run.val.digest())
    assert len(digests) == 3


def test_one_split_for_both_is_cleaned_for_training_alone(tmp_path):
    written(tmp_path, "train", {1: "cat"}, ["cat"], "coco")
    path = tmp_path / "annotations" / "instances_train.json"
    path.write_text(path.read_text().replace("[10, 10, 40, 50]", "[60, 60, 40, 50]"))
    recipe = own("coco", "data.val=train")
    run = run_spec.find(recipe, tmp_path)
    assert run.train.boxes.tolist() == [[60, 60, 90, 90]] and run.train.counters["clipped"] == 1
    assert run.val.boxes.tolist() == [[60, 60, 100, 110]] and run.val.counters["kept_clipped"] == 1
    again = run_spec.find(recipe, tmp_path)  # from the cache
    assert again.val.xywh.tolist() == [[60, 60, 40, 50]] and again.train.xywh is None and again.id == run.id
    assert replace(again.val, xywh=None, hashed="").digest() != run.val.digest()


XML = "".join(
    f"<object><name>cat</name><bndbox><xmin>{x}</xmin><ymin>1</ymin><xmax>{y}</xmax><ymax>9</ymax></bndbox></object>"
    for x, y in ((1, 20), (5, 5), (25, 40))
)


def test_voc_is_scored_with_its_boxes_as_they_are(tmp_path):
    """Whole pixels, the last one inside: a box of one column has an area there."""
    size = "<size><width>30</width><height>20</height></size>"
    write_voc(tmp_path, f"<annotation>{size}{XML}</annotation>")
    recipe = own("voc", "data.classes=[cat]", "data.val=train")
    run = run_spec.find(recipe, tmp_path)
    assert run.train.boxes.tolist() == [[0, 0, 20, 9], [24, 0, 30, 9]]
    assert run.val.xywh.tolist() == [[0, 0, 20, 9], [4, 0, 1, 9], [24, 0, 16, 9]]
    kept = {"kept_no_area": 1, "kept_outside": 0, "kept_clipped": 1}
    assert run.val.counters.items() >= kept.items()

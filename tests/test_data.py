"""The readers on real samples and on broken files; the loader's batches."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.io import write_jpeg

from experiments import recipe
from experiments.data import coco, shapes, voc
from experiments.data.loader import eval_loader, order, train_loader
from experiments.errors import UserError

REAL = Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real samples are not on this machine")


@real
def test_the_voc_sample():
    root = REAL / "voc_format" / "voc2012_100"
    assert [voc.resolve(root, f"auto:{name}") for name in ("train", "val")] == ["2012_train", "2012_val"]
    parts = [voc.read(root, split, ()) for split in ("2012_train", "2012_val")]
    assert [len(part) for part in parts] == [67, 33]
    assert sum(len(part.boxes) for part in parts) == 273 and sum(int(part.ignore.sum()) for part in parts) == 38
    assert all(set(part.labels) == set(range(20)) and not any(part.counters.values()) for part in parts)
    assert parts[0].read(0).dtype == torch.uint8


@real
def test_the_cells():
    root = REAL / "voc_format" / "bccd"
    parts = [voc.read(root, split, ("RBC", "WBC", "Platelets")) for split in ("train", "val", "test")]
    assert [len(part) for part in parts] == [205, 87, 72]
    assert sum(len(part.boxes) for part in parts) == 4888 - 2 == 4886
    assert sum(part.counters["no_area"] for part in parts) == 2


@real
def test_the_coco_sample():
    train, val = (coco.read(REAL / "coco_sample", split, ()) for split in ("train2017", "val2017"))
    assert [len(train), len(val)] == [66, 40] and [len(train.boxes), len(val.boxes)] == [649, 417]
    assert [int(part.ignore.sum()) for part in (train, val)] == [8, 7]
    assert len(train.classes) == 80 and train.classes[79] == "toothbrush" and train.labels.max() < 80
    at = {int(number): i for i, number in enumerate(train.image_ids)}
    assert train.read(at[86]).shape[0] == 3  # greyscale
    assert len(train.of(at[508])[0]) == 0  # no object: background


@pytest.fixture
def tiny_coco(tmp_path):
    (tmp_path / "train2017").mkdir()
    (tmp_path / "annotations").mkdir()
    write_jpeg(torch.zeros(3, 20, 30, dtype=torch.uint8), str(tmp_path / "train2017" / "a.jpg"))
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 20, "width": 30}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 0}],
    }


def damaged(data: dict, key: str, field: str, value: object) -> dict:
    data[key][0][field] = value
    return data


def read_coco(root: Path, text: str):
    (root / "annotations" / "instances_train2017.json").write_text(text)
    return coco.read(root, "train2017", ())


@pytest.mark.parametrize(
    ("key", "field", "value", "said"),
    [
        ("images", "file_name", "b.jpg", "b.jpg does not exist"),
        ("images", "file_name", "../a.jpg", "leads out of"),
        ("annotations", "image_id", 2, "image_id 2 is not among the images"),
        ("annotations", "category_id", 8, "category_id 8 is not among the categories"),
        ("annotations", "bbox", [1, 2, "3", 4], "four finite numbers"),
        ("annotations", "bbox", [1, 2, float("nan"), 4], "four finite numbers"),
    ],
)
def test_a_broken_coco_record_is_named(tmp_path, tiny_coco, key, field, value, said):
    with pytest.raises(UserError, match=said) as error:
        read_coco(tmp_path, json.dumps(damaged(tiny_coco, key, field, value)))
    assert "instances_train2017.json" in str(error.value)


def test_coco_boxes_without_area_or_outside_are_counted(tmp_path, tiny_coco):
    boxes = ([1, 2, 0, 4], [40, 2, 5, 5], [25, 2, 10, 5])
    tiny_coco["annotations"] += [tiny_coco["annotations"][0] | {"id": i, "bbox": b} for i, b in enumerate(boxes, 6)]
    found = read_coco(tmp_path, json.dumps(tiny_coco))
    assert found.counters == {"no_area": 1, "outside": 1, "clipped": 1, "other_class": 0}
    assert found.boxes.tolist() == [[1, 2, 4, 6], [25, 2, 30, 7]]


def test_a_cut_coco_file_is_named(tmp_path, tiny_coco):
    with pytest.raises(UserError, match="not a whole JSON file"):
        read_coco(tmp_path, json.dumps(tiny_coco)[:-9])


XML = """<annotation>{}<size><width>30</width><height>20</height></size><object><name>{}</name><bndbox><xmin>1</xmin>
<ymin>1</ymin><xmax>{}</xmax><ymax>20</ymax></bndbox></object></annotation>"""
BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (XML.format("", "kat", 30), "Did you mean 'cat'"),
        (XML.format("", "cat", "wide"), "bndbox/xmax is 'wide'"),
        (XML.format("", "cat", "1e999"), "must be a number"),
        (BOMB + XML.format("", "cat", 30), "entities and DTDs are not read"),
        (XML.format("", "cat", 30)[:-20], "not a whole XML file"),
    ],
)
def test_a_broken_voc_file_is_named(tmp_path, text, said):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "JPEGImages" / "a.jpg").write_bytes(b"")
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("a\n")
    (tmp_path / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(UserError, match=said) as error:
        voc.read(tmp_path, "train", ("cat",))
    assert "a.xml" in str(error.value)


def small(*overrides: str) -> recipe.Recipe:
    sets = ("schedule.batch=4", "data.short=64", "data.long=64", *overrides)
    return recipe.load("shapes", "fcos", list(sets), 3)


def equal(a, b) -> bool:
    return torch.equal(a.images, b.images) and torch.equal(a.objects.boxes, b.objects.boxes)


def test_batches_follow_from_the_step_alone():
    index = shapes.read("shapes", "train", 10)
    every = list(train_loader(index, small("data.workers=0", "data.flip=0.5"), 0, 6))
    late = list(train_loader(index, small("data.workers=2", "data.flip=0.5"), 3, 6))
    assert len(every) == 6 and all(equal(a, b) for a, b in zip(every[3:], late, strict=True))
    parts = [list(train_loader(index, small("data.workers=0", "data.flip=0.5"), 0, 6, rank, 2)) for rank in (0, 1)]
    assert torch.equal(every[0].images[0::2], parts[0][0].images) and torch.equal(
        every[0].index[1::2], parts[1][0].index
    )


def test_wide_and_tall_images_never_share_a_batch_and_all_are_seen(tmp_path):
    index = shapes.read("shapes", "train", 8)
    index.sizes[::2, 0] = 300  # tall
    taken = [group for group, _ in zip(order(index, 2, 0), range(4), strict=False)]
    assert sorted(i for group in taken for i in group) == list(range(8))
    assert all(len({i % 2 for i in group}) == 1 for group in taken)


def write_images(root: Path, data: dict, broken: int) -> None:
    """200 images, the first `broken` of them no JPEG."""
    data["images"] = [data["images"][0] | {"id": i, "file_name": f"{i}.jpg"} for i in range(200)]
    data["annotations"][0]["image_id"] = 199
    good = (root / "train2017" / "a.jpg").read_bytes()
    for i in range(200):
        (root / "train2017" / f"{i}.jpg").write_bytes(b"no image" if i < broken else good)


def test_bad_images_are_named_or_counted_up_to_one_percent(tmp_path, tiny_coco):
    write_images(tmp_path, tiny_coco, 2)
    index = read_coco(tmp_path, json.dumps(tiny_coco))
    with pytest.raises(UserError, match=r"[01]\.jpg: the image does not decode"):
        list(eval_loader(index, small("data.workers=0").data, 10))
    skipping = small("data.workers=0", "data.skip_bad_images=true").data
    batches = list(eval_loader(index, skipping, 50))
    assert sum(batch.bad for batch in batches) == 2 and sum(len(batch.images) for batch in batches) == 200
    assert batches[0].images.dtype == torch.uint8 and all(side % 32 == 0 for side in batches[0].images.shape[2:])
    write_images(tmp_path, tiny_coco, 9)
    with pytest.raises(UserError, match="more than 1 %"):
        list(eval_loader(index, skipping, 50))


def test_drawn_images_depend_on_their_place_alone():
    few, many = (shapes.read("shapes", "train", n) for n in (3, 30))
    assert torch.equal(few.read(2), many.read(2)) and np.array_equal(few.of(2)[0], many.of(2)[0])
    assert few.digest() != shapes.read("shapes", "val", 3).digest()


@pytest.mark.parametrize(("name", "median"), [("shapes", 5), ("shapes-voc", 2), ("shapes-widerface", 3)])
def test_drawn_sets_have_the_counts_of_what_they_imitate(name, median):
    counts = np.diff(shapes.read(name, "train", 300).offsets)
    assert np.median(counts) == median and counts.min() >= 1

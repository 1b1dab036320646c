"""The readers: real samples with the counts of their README, the layouts, and one sentence for a damaged record."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.data.datasets import load
from experiments.data.readers import coco, json_stream, objects365, voc, widerface
from experiments.recipes import recipe
from experiments.runtime.errors import UserError
from tests.samples import (
    REAL,
    XML,
    image,
    instances,
    real,
    write_coco,
    write_objects365,
    write_voc,
    write_widerface,
)


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
    assert np.bincount(np.concatenate([part.labels for part in parts])).tolist() == [4155 - 2, 372, 361]
    assert sum(part.counters["no_area"] for part in parts) == 2


@real
def test_the_coco_sample():
    train, val = (coco.read(REAL / "coco_sample", split, ()) for split in ("train2017", "val2017"))
    assert [len(train), len(val)] == [66, 40] and [len(train.boxes), len(val.boxes)] == [649, 417]
    assert [int(part.ignore.sum()) for part in (train, val)] == [8, 7]
    assert [len(set(part.labels.tolist())) for part in (train, val)] == [65, 58]
    assert len(train.classes) == 80 and train.classes[79] == "toothbrush" and train.labels.max() < 80
    at = {int(number): i for i, number in enumerate(train.image_ids)}
    assert train.read(at[86]).shape[0] == 3  # greyscale
    assert len(train.of(at[508])[0]) == 0  # no object: background
    known = json.loads((REAL / "coco_sample/annotations/instances_train2017.json").read_text())["annotations"]
    assert np.isclose(train.areas.sum(), sum(a["area"] for a in known))


@real
def test_the_faces():
    train, val = (widerface.read(REAL / "widerface", split, ()) for split in ("train_sample", "val_sample"))
    assert [len(train), len(val)] == [78, 66] and [len(train.boxes), len(val.boxes)] == [944, 1442 - 1]
    assert [int(part.ignore.sum()) for part in (train, val)] == [5, 14]
    assert [part.counters["no_area"] for part in (train, val)] == [0, 1]  # 0_Parade_Parade_0_317.jpg: 706 94 0 1
    assert [int(np.diff(part.offsets).max()) for part in (train, val)] == [176, 317]
    assert val.paths.name(0).startswith("WIDER_val/images/0--Parade/") and val.classes == ("face",)
    assert (train.sizes[:, 1] == 1024).all() and val.read(0).shape[2] == 1024


@real
def test_the_whole_official_list_of_faces():
    listing = REAL / "widerface" / "wider_face_split" / "wider_face_val_bbx_gt.txt"
    found = list(widerface.entries(listing))
    assert len(found) == 3226 and sum(len(entry.boxes) for entry in found) == 39708
    assert sum(x2 <= x1 or y2 <= y1 for entry in found for x1, y1, x2, y2 in entry.boxes) == 11
    with pytest.raises(UserError, match=r"line 1: .*0_Parade_marchingband_1_465\.jpg does not exist"):
        widerface.read(REAL / "widerface", "val", ())


@real
@pytest.mark.parametrize(("version", "first"), [(1, "person"), (2, "Person")])
def test_the_categories_of_objects365(tmp_path, version, first):
    """The real record, with an image of its size, under the list of either version."""
    data = json.loads((REAL / "objects365/annotations/zhiyuan_objv2_example.json").read_text())
    listed = json.loads((REAL / f"objects365/objects365_v{version}_categories.json").read_text())
    image(tmp_path / data["images"][0]["file_name"], 769, 512)
    write_objects365(tmp_path, data | {"categories": listed["categories"]})
    found = objects365.read(tmp_path, "train", ())
    assert len(found.classes) == 365 and found.classes[0] == first
    assert all(name == name.strip() for name in found.classes)
    assert found.boxes[0].tolist() == pytest.approx([491.3955, 88.18567, 527.05139, 132.62805])
    assert found.labels.tolist() == [83] and found.image_ids.tolist() == [420917] and found.read(0).shape[1] == 512


@pytest.mark.parametrize(
    "folder", ["images/v1/patch8", "train/images/v1/patch8", "train/patch8", "images/train/patch8", "train"]
)
def test_objects365_lies_as_distributed_or_as_unpacked(tmp_path, folder):
    data = instances("images/v1/patch8/a.jpg")
    data["annotations"] += [data["annotations"][0] | {"id": 6, "isfake": 1}, data["annotations"][0] | {"id": 8}]
    write_objects365(tmp_path, data, folder)
    found = objects365.read(tmp_path, "train", ())
    assert found.ignore.tolist() == [False, True, False]
    assert found.paths[0] == str(tmp_path / folder / "a.jpg") and found.read(0).shape == (3, 20, 30)


FACES = "0--Parade/a.jpg\n2\n1 2 3 4 0 0 0 0 0 0 \n5 6 7 8 0 0 0 1 0 0 \n"


def test_faces_that_are_invalid_and_images_without_any(tmp_path):
    image(tmp_path / "WIDER_train/images/0--Parade/b.jpg")
    write_widerface(tmp_path, "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n" + FACES)
    found = widerface.read(tmp_path, "train", ())
    assert found.offsets.tolist() == [0, 0, 2] and found.boxes.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]]
    assert found.ignore.tolist() == [False, True] and found.counters["no_area"] == 0


def damaged(data: dict, key: str, field: str, value: object) -> dict:
    data[key][0][field] = value
    return data


def read_coco(root: Path, text: str):
    write_coco(root, text)
    return coco.read(root, "train2017", ())


@pytest.mark.parametrize(
    ("key", "field", "value", "said"),
    [
        ("images", "file_name", "b.jpg", "b.jpg does not exist"),
        ("images", "file_name", "../a.jpg", "leads out of"),
        ("images", "id", 10**30, "63 bits"),
        ("images", "height", 10**9, "pixels"),
        ("annotations", "image_id", 2, "image_id 2 is not among the images"),
        ("annotations", "category_id", 8, "category_id 8 is not among the categories"),
        ("annotations", "bbox", [1, 2, "3", 4], "id 5: 'bbox' is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, float("nan"), 4], "id 5: 'bbox' is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, 1e308, 4], "id 5: bbox is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, -3, 4], "id 5: bbox is .*not negative"),
        ("categories", "name", None, "category id 7: 'name' is None; it must be text"),
    ],
)
def test_a_broken_coco_record_is_named(tmp_path, key, field, value, said):
    with pytest.raises(UserError, match=said) as error:
        read_coco(tmp_path, json.dumps(damaged(instances(), key, field, value)))
    assert "instances_train2017.json" in str(error.value)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_an_id_that_stands_twice_is_named(tmp_path, key):
    data = instances()
    data[key] *= 2
    with pytest.raises(UserError, match=rf"{key.rstrip('s').replace('ie', 'y')}.* id \d: the id is used twice"):
        read_coco(tmp_path, json.dumps(data))


def test_coco_boxes_without_area_outside_or_of_other_classes_are_counted(tmp_path):
    data, boxes = instances(), ([1, 2, 0, 4], [40, 2, 5, 5], [25, 2, 10, 5])
    data["annotations"] += [data["annotations"][0] | {"id": i, "bbox": b} for i, b in enumerate(boxes, 6)]
    data["categories"].append({"id": 9, "name": "dog"})
    data["annotations"].append(data["annotations"][0] | {"id": 20, "category_id": 9})
    write_coco(tmp_path, json.dumps(data))
    found = coco.read(tmp_path, "train2017", ("cat",))
    assert found.counters == {"no_area": 1, "outside": 1, "clipped": 1, "other_class": 1}
    assert found.boxes.tolist() == [[1, 2, 4, 6], [25, 2, 30, 7]]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_coco_file_is_named(tmp_path, cut):
    with pytest.raises(UserError, match=r"not a whole JSON file|has no list"):
        read_coco(tmp_path, json.dumps(instances())[:-cut])


@pytest.mark.parametrize("block", [1, 2, 3, 7, 50, 400, 4096])
def test_a_file_is_the_same_in_blocks_of_any_size(tmp_path, monkeypatch, block):
    """With brackets and quotes in names, nested lists, annotations first, and records longer than a block."""
    data = instances()
    data["categories"][0]["name"] = 'a "[}{\\" \\\\'
    many = [data["annotations"][0] | {"id": i, "x": [{"y": [i]}], "segmentation": {"counts": "]}"}} for i in range(9)]
    text = json.dumps({"info": {"images": []}, "annotations": many} | {k: data[k] for k in ("categories", "images")})
    monkeypatch.setattr(json_stream, "BLOCK", block)
    found = read_coco(tmp_path, text)
    assert found.classes == ('a "[}{\\" \\\\',) and len(found.boxes) == 9
    with pytest.raises(UserError, match="not a whole JSON file"):
        read_coco(tmp_path, text.replace('"id": 3', '"id": 3 4'))


BOMB = '<!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (XML.format("", "kat", 30), "Did you mean 'cat'"),
        (XML.format("", "cat", "wide"), "bndbox/xmax is 'wide'"),
        (XML.format("", "cat", "1e999"), "must be a number of at most"),
        (XML.format("", "cat", "1e308"), "must be a number of at most"),
        (BOMB + XML.format("", "cat", 30), "entities and DTDs are not read"),
        (XML.format("", "cat", 30)[:-20], "not a whole XML file"),
    ],
)
def test_a_broken_voc_file_is_named(tmp_path, text, said):
    write_voc(tmp_path, text)
    with pytest.raises(UserError, match=said) as error:
        voc.read(tmp_path, "train", ("cat",))
    assert "a.xml" in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FACES.replace("5 6 7 8", "5 6 7"), "line 4 is '5 6 7"),
        (FACES.replace("5 6", "5 nan"), "line 4 is"),
        (FACES.replace("5 6", "5 6000000000"), "line 4 is"),
        (FACES.replace("\n2\n", "\n3\n"), "line 5 is missing"),
        (FACES.replace("\n2\n", "\n1\n"), "line 4 '5 6 7 8.*an image's name was expected"),
        (FACES.replace("0--Parade/a", "../../a"), "leads out of"),
        (FACES.replace("a.jpg", "b.jpg"), "b.jpg does not exist"),
        ("", "the list is empty"),
    ],
)
def test_a_broken_list_of_faces_is_named(tmp_path, text, said):
    write_widerface(tmp_path, text)
    with pytest.raises(UserError, match=said) as error:
        widerface.read(tmp_path, "train", ())
    assert "wider_face_train_bbx_gt.txt" in str(error.value)


def test_ones_own_data_is_a_file_of_ten_lines(tmp_path):
    write_coco(tmp_path / "mine", json.dumps(instances()))
    text = "like: coco\ndata: {reader: coco, root: mine, train: train2017, val: train2017, classes: [cat]}\n"
    (tmp_path / "own.yaml").write_text(text)
    own = recipe.load(str(tmp_path / "own.yaml"), "fcos", [], 0)
    assert own.dataset == "own" and own.data.short == (800,) and own.schedule.iterations == 90000
    assert len(load(own.data, "own", None, "train2017")) == 1
    assert "root" not in recipe.identity(own)["data"]
    (tmp_path / "own.yaml").write_text(text.replace("coco\n", "cocoa\n", 1))
    with pytest.raises(UserError, match="Did you mean 'coco"):
        recipe.load(str(tmp_path / "own.yaml"), "fcos", [], 0)

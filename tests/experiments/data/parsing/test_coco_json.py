"""JSON in COCO's form: one sentence for a damaged record, and what the clean-up counts."""

import json

import pytest

from experiments.runtime.errors import UserError
from tests.samples import instances


@pytest.mark.parametrize(
    ("key", "field", "value", "sentence"),
    [
        ("images", "file_name", "b.jpg", "b.jpg does not exist"),
        ("images", "file_name", "../a.jpg", "points outside"),
        ("images", "id", 10**30, r"2\^63 - 1"),
        ("images", "height", 10**9, "pixels"),
        ("annotations", "image_id", 2, "image_id 2 is not among the images"),
        ("annotations", "category_id", 8, "category_id 8 is not among the categories"),
        ("annotations", "bbox", [1, 2, "3", 4], "id 5: 'bbox' is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, float("nan"), 4], "id 5: 'bbox' is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, 1e308, 4], "id 5: 'bbox' is .*four finite numbers"),
        ("annotations", "bbox", [1, 2, -3, 4], "id 5: 'bbox' is .*not negative"),
        ("categories", "name", None, "category id 7: 'name' is None; it must be text"),
    ],
)
def test_a_broken_record_is_named(read_text, key, field, value, sentence):
    data = instances()
    data[key][0][field] = value
    with pytest.raises(UserError, match=sentence) as error:
        read_text(json.dumps(data))
    assert "instances_train2017.json" in str(error.value)


@pytest.mark.parametrize("key", ["images", "annotations", "categories"])
def test_an_id_that_occurs_twice_is_named(read_text, key):
    data = instances()
    data[key] *= 2
    with pytest.raises(UserError, match=rf"{key.rstrip('s').replace('ie', 'y')}.* id \d: the id is used twice"):
        read_text(json.dumps(data))


def test_boxes_without_area_outside_or_of_other_classes_are_counted(read_text):
    data, boxes = instances(), ([1, 2, 0, 4], [40, 2, 5, 5], [25, 2, 10, 5])
    data["annotations"] += [data["annotations"][0] | {"id": i, "bbox": b} for i, b in enumerate(boxes, 6)]
    data["categories"].append({"id": 9, "name": "dog"})
    data["annotations"].append(data["annotations"][0] | {"id": 20, "category_id": 9})
    index = read_text(json.dumps(data), "cat")
    assert index.counters == {"no_area": 1, "outside": 1, "clipped": 1, "other_class": 1}
    assert index.boxes.tolist() == [[1, 2, 4, 6], [25, 2, 30, 7]]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_file_is_named(read_text, cut):
    with pytest.raises(UserError, match=r"truncated or invalid JSON|has no list"):
        read_text(json.dumps(instances())[:-cut])

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


def test_ids_of_images_may_be_text(read_text):
    """They are numbered in the order in which pycocotools sorts them, whatever their order in the file."""
    data, names = instances(), ["img_9", "10", "a b", "é", "img_10"]
    data["images"] = [data["images"][0] | {"id": name} for name in names]
    annotation = data["annotations"][0]
    data["annotations"] = [
        annotation | {"id": f"{name}!", "image_id": name, "bbox": [1, 2, i + 1, 4]} for i, name in enumerate(names)
    ]
    index = read_text(json.dumps(data))
    assert [sorted(names)[n - 1] for n in index.image_ids] == names
    assert [float(index.of(i)[0][0, 2]) for i in range(5)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("images", "image_id", "sentence"),
    [
        ([1, "2"], 1, "image id '2': 'id' is '2', and text and numbers are mixed"),
        ([1], "1", "image_id '1' is not among the images"),
        (["1"], 1, "image_id 1 is not among the images"),
        (["x", "x"], "x", "image id x: the id is used twice"),
    ],
)
def test_ids_are_of_one_kind(read_text, images, image_id, sentence):
    data = instances()
    data["images"] = [data["images"][0] | {"id": number} for number in images]
    data["annotations"][0]["image_id"] = image_id
    with pytest.raises(UserError, match=sentence):
        read_text(json.dumps(data))


@pytest.mark.parametrize("sizes", [{}, {"height": 20}, {"height": None, "width": None}])
def test_a_size_that_is_not_given_is_that_of_the_image(read_text, sizes):
    data = instances()
    data["images"][0] = {"id": 1, "file_name": "a.jpg"} | sizes
    assert read_text(json.dumps(data)).sizes.tolist() == [[20, 30]]


def test_annotations_need_no_id(read_text):
    data = instances()
    for number in ("left out", None):
        data["annotations"].append(data["annotations"][0] | {"id": number})
    del data["annotations"][1]["id"]
    assert len(read_text(json.dumps(data)).boxes) == 3


def test_a_root_category_of_its_class_s_name_is_left_out(read_text):
    """The root stands before other classes; labels follow the category that has objects."""
    data = instances()
    data["categories"] = [
        {"id": 0, "name": "cat", "supercategory": "none"},
        {"id": 3, "name": "ant"},
        {"id": 7, "name": " cat"},
    ]
    index = read_text(json.dumps(data))
    assert index.classes == ("ant", "cat") and index.labels.tolist() == [1]
    data["annotations"].append(data["annotations"][0] | {"id": 6, "category_id": 0})
    with pytest.raises(UserError, match="category id 7: the name 'cat' is used twice"):
        read_text(json.dumps(data))


def test_a_file_without_categories_is_refused(read_text):
    with pytest.raises(UserError, match="it lists no category"):
        read_text(json.dumps(instances() | {"categories": [], "annotations": []}))


@pytest.mark.parametrize(("fractions", "pixels", "refused"), [(1, 0, True), (5, 2, True), (2, 5, False), (0, 1, False)])
def test_boxes_that_are_fractions_of_the_image_are_refused(read_text, fractions, pixels, refused):
    """A few boxes below one pixel are none of those, nor is a box of the first pixel."""
    data = instances()
    boxes = [[0.25, 0.5, 0.5, 0.25]] * fractions + [[0, 0, 1, 2]] * pixels
    data["annotations"] = [data["annotations"][0] | {"id": i, "bbox": box} for i, box in enumerate(boxes)]
    if not refused:
        assert len(read_text(json.dumps(data)).boxes) == len(boxes)
        return
    with pytest.raises(
        UserError, match=f"{fractions} of {len(boxes)} boxes lie within 0 to 1, so they look normalised"
    ):
        read_text(json.dumps(data))


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_file_is_named(read_text, cut):
    with pytest.raises(UserError, match=r"truncated or invalid JSON|has no list"):
        read_text(json.dumps(instances())[:-cut])

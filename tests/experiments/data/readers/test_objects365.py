"""The layouts of Objects365: as distributed, as unpacked, and its categories in both versions."""

import json

import pytest

from experiments.data.readers import objects365
from tests.samples import REAL, image, instances, real, write_objects365


@real
@pytest.mark.parametrize(("version", "first"), [(1, "person"), (2, "Person")])
def test_the_real_record_is_read_with_the_categories_of_either_version(tmp_path, version, first):
    """With an image of its size."""
    data = json.loads((REAL / "objects365/annotations/zhiyuan_objv2_example.json").read_text())
    listed = json.loads((REAL / f"objects365/objects365_v{version}_categories.json").read_text())
    image(tmp_path / data["images"][0]["file_name"], 769, 512)
    write_objects365(tmp_path, data | {"categories": listed["categories"]})
    index = objects365.read(tmp_path, "train", ())
    assert len(index.classes) == 365 and index.classes[0] == first
    assert all(name == name.strip() for name in index.classes)
    assert index.boxes[0].tolist() == pytest.approx([491.3955, 88.18567, 527.05139, 132.62805])
    assert index.labels.tolist() == [83] and index.image_ids.tolist() == [420917] and index.read(0).shape[1] == 512


@pytest.mark.parametrize(
    "folder", ["images/v1/patch8", "train/images/v1/patch8", "train/patch8", "images/train/patch8", "train"]
)
def test_images_are_read_as_distributed_or_as_unpacked(tmp_path, folder):
    data = instances("images/v1/patch8/a.jpg")
    data["annotations"] += [data["annotations"][0] | {"id": 6, "isfake": 1}, data["annotations"][0] | {"id": 8}]
    write_objects365(tmp_path, data, folder)
    index = objects365.read(tmp_path, "train", ())
    assert index.ignore.tolist() == [False, True, False]
    assert index.paths[0] == str(tmp_path / folder / "a.jpg") and index.read(0).shape == (3, 20, 30)


def test_a_fake_is_no_lesson_and_counts_as_in_the_official_evaluation(tmp_path):
    """Pycocotools heeds iscrowd alone."""
    data = instances("images/v1/patch8/a.jpg")
    data["annotations"] += [data["annotations"][0] | {"id": i, flag: 1} for i, flag in ((6, "isfake"), (7, "iscrowd"))]
    write_objects365(tmp_path, data)
    assert objects365.read(tmp_path, "train", ()).ignore.tolist() == [False, True, True]
    assert objects365.read(tmp_path, "train", (), clean=False).ignore.tolist() == [False, False, True]

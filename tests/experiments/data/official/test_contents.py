"""What the data check says of the splits together, and what the dataset's hash has of it."""

import json
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from experiments.data import image_files
from experiments.data.datasets import load_index
from experiments.recipes.load import load
from tests.samples import image

IMAGES = 6  # a split


@pytest.fixture
def own(tmp_path) -> Path:
    """Two splits of six images, no two of them alike: two cats and a dog in train, a cat in val, horses nowhere."""
    (tmp_path / "annotations").mkdir()
    for k, (split, labels) in enumerate({"train": (1, 1, 2), "val": (1,)}.items()):
        (tmp_path / split).mkdir()
        for i in range(IMAGES):
            Image.new("RGB", (30, 20), (40 * i, 90 * k, 0)).save(tmp_path / split / f"{i}.png")
        listed = [{"id": i, "file_name": f"{i}.png", "height": 20, "width": 30} for i in range(IMAGES)]
        boxes = [{"id": i, "image_id": i, "category_id": c, "bbox": [1, 2, 9, 9]} for i, c in enumerate(labels)]
        names = [{"id": i, "name": name} for i, name in enumerate(("cat", "dog", "horse"), 1)]
        data = {"images": listed, "categories": names, "annotations": boxes}
        (tmp_path / "annotations" / f"instances_{split}.json").write_text(json.dumps(data))
    text = "like: coco\ndata: {root: ., train: train, val: val}\n"
    (tmp_path / "own.yaml").write_text(text)
    return tmp_path / "own.yaml"


def test_objects_of_each_class_are_counted(check_data, own):
    code, out, _ = check_data("--dataset", own)
    assert code == 0 and "objects of each class in train, val: cat 2, 1; dog 1, 0; horse 0, 0\n" in out
    assert "note     train: 1 of 3 classes have no object: horse\n" in out and "verdict: good." in out
    assert "note     val: 2 of 3 classes have no object: dog, horse\n" in out and "warning" not in out


def test_images_in_both_splits_and_doubles_are_named(check_data, own):
    root = own.parent
    (root / "val" / "1.png").write_bytes((root / "train" / "3.png").read_bytes())
    for i in (4, 5):
        (root / "train" / f"{i}.png").write_bytes((root / "train" / "0.png").read_bytes())
    code, out, _ = check_data("--dataset", own)
    assert code == 0 and "verdict: run.py can train and test on it; decide whether the warnings matter." in out
    assert "warning  1 images stand in both train and val" in out and "train/3.png = " in out and "val/1.png\n" in out
    assert "warning  train: 2 images are doubles of others" in out and "warning  val:" not in out


@pytest.mark.parametrize(("orientation", "size"), [(3, (30, 20)), (6, (20, 30))])
def test_orientations_are_counted_and_sizes_compared_as_read(check_data, own, orientation, size):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", size, (9, 9, 9)).save(own.parent / "train" / "2.png", exif=exif)
    code, out, _ = check_data("--dataset", own)
    assert code == 0 and "1 images have an EXIF orientation, and are turned by it (data.exif=apply)" in out
    code, out, _ = check_data("--dataset", own, "--set", "data.exif=ignore")
    assert "warning  1 images have an EXIF orientation, and are not turned by it (data.exif=ignore)" in out
    assert code == int(size == (20, 30)) == ("20 x 30 pixels, its annotation says 30 x 20" in out)


def test_a_check_puts_all_images_into_the_hash_of_the_dataset(check_data, own, monkeypatch):
    """Before it, those of the sample."""
    monkeypatch.setattr(image_files, "SAMPLE", 2)
    monkeypatch.setattr("experiments.data.official.contents.SAMPLE", 2)
    data = load(str(own), "fcos", [], 0).data

    def digest() -> str:
        return load_index(data, "own", None, "train").digest()

    digests = [digest()]
    assert "train: the dataset's hash is now of all 6 images" in check_data("--dataset", own)[1]
    digests.append(digest())
    assert "the dataset's hash" not in check_data("--dataset", own)[1] and digest() == digests[1]
    image(own.parent / "train" / "1.png")  # outside of the sample
    assert digest() == digests[1]  # not looked at
    check_data("--dataset", own)
    digests.append(digest())
    assert len(set(digests)) == 3

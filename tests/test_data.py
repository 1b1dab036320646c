"""The loader's batches and transforms; the drawn sets."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import recipe
from experiments.data import coco, shapes
from experiments.data.loader import eval_loader, order, train_loader
from experiments.errors import UserError
from tests.samples import instances, write_coco


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


def write_images(root: Path, broken: int):
    """The index of 200 images, the first `broken` of them no JPEG."""
    data = instances()
    write_coco(root, json.dumps(data))
    data["images"] = [data["images"][0] | {"id": i, "file_name": f"{i}.jpg"} for i in range(200)]
    data["annotations"][0]["image_id"] = 199
    good = (root / "train2017" / "a.jpg").read_bytes()
    for i in range(200):
        (root / "train2017" / f"{i}.jpg").write_bytes(b"no image" if i < broken else good)
    write_coco(root, json.dumps(data))
    return coco.read(root, "train2017", ())


def test_bad_images_are_named_or_counted_up_to_one_percent(tmp_path):
    index = write_images(tmp_path, 2)
    with pytest.raises(UserError, match=r"[01]\.jpg: the image does not decode"):
        list(eval_loader(index, small("data.workers=0").data, 10))
    skipping = small("data.workers=0", "data.skip_bad_images=true").data
    batches = list(eval_loader(index, skipping, 50))
    assert sum(batch.bad for batch in batches) == 2 and sum(len(batch.images) for batch in batches) == 200
    assert batches[0].images.dtype == torch.uint8 and all(side % 32 == 0 for side in batches[0].images.shape[2:])
    index = write_images(tmp_path, 9)
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

"""Batches: in which order, of which images, augmented by which numbers."""

import json
import tracemalloc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch.utils.data._utils.pin_memory import pin_memory

from experiments.data.config import DataConfig
from experiments.data.index import Index
from experiments.data.loader import Batch, batch_order, eval_loader, train_loader
from experiments.data.readers import coco, shapes
from experiments.recipes.load import load
from experiments.runtime.errors import UserError
from tests.samples import instances, write_coco

SEED = 3


def small(*overrides: str) -> DataConfig:
    """Images of 64 pixels."""
    return load("shapes", "fcos", ["data.short=64", "data.long=64", *overrides], SEED).data


def like_coco(*overrides: str) -> DataConfig:
    return load("coco", "fcos", ["data.workers=0", *overrides], SEED).data


def train_batches(index: Index, data: DataConfig, steps: range, *share: int, batch: int = 4) -> Iterator[Batch]:
    return train_loader(index, data, batch, SEED, steps, *share)


def equal(a: Batch, b: Batch) -> bool:
    return torch.equal(a.images, b.images) and torch.equal(a.objects.boxes, b.objects.boxes)


def test_batches_follow_from_the_step_alone():
    index = shapes.read("shapes", "train", 10)
    alone, helped = (small(f"data.workers={workers}", "data.flip=0.5") for workers in (0, 2))
    all_steps = list(train_batches(index, alone, range(6)))
    late = list(train_batches(index, helped, range(3, 6)))
    assert len(all_steps) == 6 and all(equal(a, b) for a, b in zip(all_steps[3:], late, strict=True))
    first, second = (list(train_batches(index, alone, range(6), rank, 2)) for rank in (0, 1))
    assert torch.equal(all_steps[0].images[0::2], first[0].images)
    assert torch.equal(all_steps[0].index[1::2], second[0].index)


def test_wide_and_tall_images_never_share_a_batch_and_all_come_up():
    index = shapes.read("shapes", "train", 8)
    index.sizes[::2, 0] = 300  # tall
    groups = list(islice(batch_order(index, 2, 0), 4))
    assert sorted(i for group in groups for i in group) == list(range(8))
    assert all(len({i % 2 for i in group}) == 1 for group in groups)


def write_images(root: Path, broken: int) -> Index:
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
        list(eval_loader(index, small("data.workers=0"), 10))
    skipping = small("data.workers=0", "data.skip_bad_images=true")
    batches = list(eval_loader(index, skipping, 50))
    assert sum(batch.bad for batch in batches) == 2 and sum(len(batch.images) for batch in batches) == 200
    assert batches[0].images.dtype == torch.uint8 and all(side % 32 == 0 for side in batches[0].images.shape[2:])
    index = write_images(tmp_path, 9)
    with pytest.raises(UserError, match="more than 1 %"):
        list(eval_loader(index, skipping, 50))


def test_every_scale_is_drawn_from_seed_step_and_image():
    index = shapes.read("shapes", "train", 24)
    data = like_coco("data.short=[64, 96, 128]", "data.long=128")
    batches = list(train_batches(index, data, range(6)))
    sides = [side for batch in batches for side in batch.sizes.min(1).values.tolist()]
    assert set(sides) == {64, 96, 128}
    again = list(train_batches(index, data, range(2, 4)))
    assert all(equal(a, b) for a, b in zip(again, batches[2:4], strict=True))
    assert next(iter(eval_loader(index, data, 4))).images.shape[2:] == (128, 128)
    tested = like_coco("data.short=64", "data.test_short=96", "data.test_long=160")
    assert next(iter(eval_loader(index, tested, 4))).images.shape[2:] == (96, 96)
    assert next(train_batches(index, tested, range(1))).images.shape[2:] == (64, 64)


def test_cropped_batches_hold_only_boxes_inside_the_image():
    index = shapes.read("shapes-widerface", "train", 16)
    data = like_coco("data.short=64", "data.long=96", "data.crop=0.25", "data.jitter=0.4")
    for batch in train_batches(index, data, range(8)):
        boxes, sizes = batch.objects.boxes, batch.sizes[batch.objects.image]
        assert len(boxes) and (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes > -0.51).all() and (boxes[:, 2:] < sizes.flip(1) + 0.51).all()  # sizes are whole pixels


def test_a_long_run_draws_its_batches_one_by_one():
    """90,000 steps of 16 would be 1.4 million pairs in memory."""
    index = shapes.read("shapes", "train", 16)
    tracemalloc.start()
    next(train_batches(index, small("data.workers=0"), range(900_000), batch=16))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20


def test_all_tensors_of_a_batch_are_pinned(monkeypatch):
    index = shapes.read("shapes", "train", 4)
    batch = next(train_loader(index, load("shapes", "fcos", ["data.workers=0"], 0).data, 2, 0, range(1)))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: x + 100)  # no device here that memory could be pinned for
    pinned = pin_memory(batch)
    for before, after in ((batch, pinned), (batch.objects, pinned.objects)):
        tensors = {name: x for name, x in vars(before).items() if isinstance(x, torch.Tensor)}
        assert all(torch.equal(getattr(after, name), x + 100) for name, x in tensors.items())
    assert (pinned.bad, pinned.objects.images) == (batch.bad, 2)

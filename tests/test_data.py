"""The loader's batches and transforms; the drawn sets."""

import json
import shutil
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_image

from experiments.data import shared_memory, transforms
from experiments.data.index import BadImage, decode
from experiments.data.loader import eval_loader, order, train_loader
from experiments.data.readers import coco, shapes
from experiments.recipes import recipe
from experiments.runtime.errors import UserError
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


def test_a_decoded_image_is_what_torchvision_decodes(tmp_path):
    """Bit for bit; greyscale is repeated, and a cut file is no half image."""
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)
    for name, picture in (("rgb.jpg", Image.fromarray(noise)), ("grey.jpg", Image.fromarray(noise[..., 0]))):
        picture.save(tmp_path / name, quality=80)
        data = (tmp_path / name).read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            theirs = decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)
        assert torch.equal(decode(str(tmp_path / name)), theirs)
        (tmp_path / name).write_bytes(data[:-200])
        with pytest.raises(BadImage, match=rf"{name}: the image does not decode"):
            decode(str(tmp_path / name))


def scaled(*overrides: str) -> recipe.Recipe:
    return recipe.load("coco", "fcos", ["data.workers=0", "schedule.batch=4", *overrides], 3)


def test_every_scale_is_drawn_from_seed_step_and_image():
    index = shapes.read("shapes", "train", 24)
    chosen = scaled("data.short=[64, 96, 128]", "data.long=128")
    batches = list(train_loader(index, chosen, 0, 6))
    sides = [side for batch in batches for side in batch.sizes.min(1).values.tolist()]
    assert set(sides) == {64, 96, 128}
    again = list(train_loader(index, chosen, 2, 4))
    assert all(equal(a, b) for a, b in zip(again, batches[2:4], strict=True))
    assert next(iter(eval_loader(index, chosen.data, 4))).images.shape[2:] == (128, 128)
    tested = scaled("data.short=64", "data.test_short=96", "data.test_long=160")
    assert next(iter(eval_loader(index, tested.data, 4))).images.shape[2:] == (96, 96)
    assert next(train_loader(index, tested, 0, 1)).images.shape[2:] == (64, 64)


def test_a_crop_keeps_a_whole_centre_and_the_boxes_fit_what_is_drawn():
    rng = np.random.default_rng(1)
    for _ in range(200):
        width, height = rng.integers(1, 60, 2).tolist()
        corner = rng.random((3, 2)) * (width, height)
        boxes = np.concatenate((corner, corner + rng.random((3, 2)) * ((width, height) - corner)), 1)
        x1, y1, x2, y2 = transforms.window(boxes, height, width, 0.25, rng)
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
        assert x2 - x1 >= int(width * 0.25 + 0.5) and y2 - y1 >= int(height * 0.25 + 0.5)
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        assert ((centre >= (x1, y1)) & (centre <= (x2, y2))).all(1).any()
    image = torch.arange(48).view(1, 6, 8)
    part, cut, keep = transforms.crop(image, torch.tensor([[1.0, 1, 4, 5], [0, 0, 2, 2]]), (2, 1, 8, 6))
    assert part.shape == (1, 5, 6) and part[0, 0, 0] == image[0, 1, 2]
    assert cut[keep].tolist() == [[0, 0, 2, 4]] and keep.tolist() == [True, False]
    assert transforms.window(np.zeros((0, 4)), 20, 30, 0.25, rng)[2] <= 30  # no box: anywhere


def test_colours_change_by_no_more_than_asked():
    image = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    image[0] += 50
    means = [float(transforms.colours(image, 0.4, np.random.default_rng(i)).float().mean()) for i in range(50)]
    assert 0.55 < min(means) / 116.67 < 0.8 and 1.2 < max(means) / 116.67 < 1.45
    assert torch.equal(transforms.colours(image, 0.0, np.random.default_rng(0)), image)


def test_cropped_batches_hold_only_boxes_inside_the_image():
    index = shapes.read("shapes-widerface", "train", 16)
    chosen = scaled("data.short=64", "data.long=96", "data.crop=0.25", "data.jitter=0.4")
    for batch in train_loader(index, chosen, 0, 8):
        boxes, sizes = batch.objects.boxes, batch.sizes[batch.objects.image]
        assert len(boxes) and (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes > -0.51).all() and (boxes[:, 2:] < sizes.flip(1) + 0.51).all()  # sizes are whole pixels


def test_too_little_shared_memory_is_said_before_a_worker_dies(monkeypatch, capsys):
    data = scaled("data.workers=4").data
    assert shared_memory.batch_bytes(data, 16) == 16 * 3 * 800 * 1344
    usage = shutil.disk_usage("/")
    for free, workers in ((2**40, 4), (64 * 2**20, 0), (6 * shared_memory.batch_bytes(data, 16), 2)):
        monkeypatch.setattr(shutil, "disk_usage", lambda place, free=free: usage._replace(free=free))
        assert shared_memory.workers(data, 16) == workers
        assert ("loader workers need 443 MiB" in capsys.readouterr().err) == (workers < 4)


def test_a_long_run_draws_its_batches_one_by_one():
    """90,000 steps of 16 would be 1.4 million pairs in memory."""
    index = shapes.read("shapes", "train", 16)
    tracemalloc.start()
    next(train_loader(index, small("data.workers=0", "schedule.batch=16"), 0, 900_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2**20

"""Images a second of the loader at 800/1333 with two workers, interleaved with torchvision's own pipeline."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from experiments.data.index import Index
from experiments.data.loader import train_loader
from experiments.data.readers import coco
from experiments.recipes.load import load

IMAGES, BATCH, BATCHES, ROUNDS = 64, 8, 24, 5
WIDTH, HEIGHT = 640, 480


def write_coco(root: Path) -> None:
    """COCO's layout: JPEGs of noise at several scales, of a photograph's size, seven boxes each."""
    rng = np.random.default_rng(0)
    (root / "train2017").mkdir()
    (root / "annotations").mkdir()
    images, boxes = [], []
    for i in range(IMAGES):
        coarse = (Image.fromarray(rng.integers(0, 256, (HEIGHT // s, WIDTH // s, 3), np.uint8)) for s in (64, 16, 4))
        layers = [np.asarray(layer.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), float) for layer in coarse]
        pixels = np.average(layers, 0, [4, 2, 1]).astype(np.uint8)
        Image.fromarray(pixels).save(root / "train2017" / f"{i}.jpg", quality=92)
        images.append({"id": i, "file_name": f"{i}.jpg", "height": HEIGHT, "width": WIDTH})
        box = {"image_id": i, "category_id": 1, "bbox": [40, 40, 200, 200]}
        boxes += [box | {"id": 7 * i + k} for k in range(7)]
    data = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "thing"}]}
    (root / "annotations" / "instances_train2017.json").write_text(json.dumps(data))


class Reference(Dataset):
    """As in torchvision's detection references: PIL, then transforms.v2 on image and boxes."""

    def __init__(self, index: Index):
        self.index = index
        sizes = v2.RandomShortestSize(800, 1333, antialias=True)
        self.transform = v2.Compose([v2.ToImage(), v2.RandomHorizontalFlip(), sizes, v2.SanitizeBoundingBoxes()])

    def __len__(self) -> int:
        return BATCH * BATCHES

    def __getitem__(self, i: int) -> tuple:
        i %= len(self.index)
        boxes, labels, _ = self.index.of(i)
        image = Image.open(self.index.paths[i]).convert("RGB")
        size = (image.height, image.width)
        boxes = tv_tensors.BoundingBoxes(torch.from_numpy(boxes.copy()), format="XYXY", canvas_size=size)
        return self.transform(image, {"boxes": boxes, "labels": torch.from_numpy(labels.copy())})


def padded_batch(samples: list[tuple]) -> tuple[torch.Tensor, list[dict]]:
    """What torchvision's models do to a list of images before the backbone: one batch, its sides multiples of 32."""
    images, targets = zip(*samples, strict=True)
    height, width = (-(-max(image.shape[axis] for image in images) // 32) * 32 for axis in (1, 2))
    batch = torch.zeros(len(images), 3, height, width, dtype=torch.uint8)
    for row, image in zip(batch, images, strict=True):
        row[:, : image.shape[1], : image.shape[2]] = image
    return batch, list(targets)


def rate(batches: Iterable) -> float:
    """Images a second, without the start of the workers."""
    batches = iter(batches)
    next(batches)
    begin = time.perf_counter()
    count = sum(1 for _ in batches)
    return count * BATCH / (time.perf_counter() - begin)


def report_loading() -> None:
    print(f"\nloader, JPEG of {WIDTH} x {HEIGHT} to 800/1333, 2 workers, batch {BATCH}: images/s, median of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        write_coco(Path(folder))
        index = coco.read(Path(folder), "train2017", ())
        data = load("coco", "fcos", ["data.workers=2"], 0).data
        words = {"batch_size": BATCH, "num_workers": 2, "collate_fn": padded_batch}
        makes = {
            "this suite": lambda: train_loader(index, data, BATCH, 0, range(BATCHES)),
            "torchvision's references": lambda: DataLoader(Reference(index), **words),
        }
        measured: dict[str, list[float]] = {name: [] for name in makes}
        for _ in range(ROUNDS):
            for name, make in makes.items():
                measured[name].append(rate(make()))
    for name, rates in measured.items():
        print(f"{name:<26}{median(rates):>8.1f}   ({min(rates):.1f} to {max(rates):.1f})")

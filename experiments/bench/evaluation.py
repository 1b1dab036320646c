"""The evaluation, matches for the record included, of drawn boxes: COCO's size and a crowd of faces."""

from __future__ import annotations

from functools import partial

import numpy as np

from experiments.bench.steps import seconds
from experiments.data.index import Index
from experiments.protocols import coco, voc
from experiments.protocols.interface import Detections


def drawn(images: int, boxes: int, found: int, classes: int, low: float, high: float) -> tuple[Index, Detections]:
    """Boxes with sides of low..high px in images of 640; half of the detections lie on them, moved by a tenth."""
    rng = np.random.default_rng(0)
    owner, label = np.sort(rng.integers(images, size=boxes)), rng.integers(classes, size=boxes)
    draw = lambda n: np.concatenate(  # noqa: E731
        [c := rng.uniform(0, 640, (n, 2)), c + np.exp(rng.uniform(np.log(low), np.log(high), (n, 2)))], 1
    )
    truth = draw(boxes)
    index = Index(
        name="drawn",
        classes=tuple(map(str, range(classes))),
        paths=("",) * images,
        image_ids=np.arange(images),
        sizes=np.full((images, 2), 640, dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=images))]),
        boxes=truth.astype(np.float32),
        labels=label,
        ignore=rng.random(boxes) < 0.01,
        counters={},
    )
    image, near = np.repeat(np.arange(images), found // images), rng.random(found) < 0.5
    pick = (index.offsets[image] + rng.random(found) * np.diff(index.offsets)[image]).astype(int).clip(max=boxes - 1)
    moved = truth[pick] + rng.normal(0, 0.1, (found, 4)) * np.tile(truth[pick, 2:] - truth[pick, :2], 2)
    moved = np.concatenate([np.minimum(moved[:, :2], moved[:, 2:] - 1), moved[:, 2:]], 1)
    corners = np.where(near[:, None], moved, draw(found)).astype(np.float32)
    labels = np.where(near, label[pick], rng.integers(classes, size=found))
    return index, Detections(image, corners, labels, rng.random(found).astype(np.float32))


def report() -> None:
    print("\nevaluation and matches: s")
    scene = drawn(5000, 36_000, 500_000, 80, 8, 400)
    by = lambda engine, most: partial(coco.evaluate, max_dets=(1, 10, most), engine=engine)  # noqa: E731
    rows = {"hotcoco": by("hotcoco", 100), "pycocotools": by("pycocotools", 100)}
    rows |= {"voc07": partial(voc.evaluate, average=voc.eleven_points)}
    print("5000 images, 36,000 objects, 500,000 detections, 80 classes")
    for name, evaluate in rows.items():
        print(f"  {name:<12}{seconds(evaluate, *scene):>6.1f}", flush=True)
    scene = drawn(400, 80_000, 90_000, 1, 6, 60)
    print("400 images, 80,000 objects, 90,000 detections, one class, maxDets 3000 (pycocotools takes minutes)")
    for name, evaluate in {"hotcoco": by("hotcoco", 3000), "height": partial(coco.height, engine="hotcoco")}.items():
        print(f"  {name:<12}{seconds(evaluate, *scene):>6.1f}", flush=True)

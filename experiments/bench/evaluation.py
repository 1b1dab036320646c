"""The evaluation, matches for the record included, of random boxes: COCO's size and a crowd of faces."""

from __future__ import annotations

from functools import partial

import numpy as np

from experiments.bench.steps import seconds_of
from experiments.data.index import Index
from experiments.protocols.coco import evaluate_coco, evaluate_height
from experiments.protocols.interface import Detections
from experiments.protocols.voc import VOC07


def random_scene(
    images: int, boxes: int, detections: int, classes: int, low: float, high: float
) -> tuple[Index, Detections]:
    """Boxes with sides of low..high px in images of 640; half of the detections lie on them, moved by a tenth."""
    rng = np.random.default_rng(0)
    owner, label = np.sort(rng.integers(images, size=boxes)), rng.integers(classes, size=boxes)
    draw = lambda n: np.concatenate(  # noqa: E731
        [c := rng.uniform(0, 640, (n, 2)), c + np.exp(rng.uniform(np.log(low), np.log(high), (n, 2)))], 1
    )
    truth = draw(boxes)
    index = Index(
        name="random",
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
    image, near = np.repeat(np.arange(images), detections // images), rng.random(detections) < 0.5
    pick = (
        (index.offsets[image] + rng.random(detections) * np.diff(index.offsets)[image]).astype(int).clip(max=boxes - 1)
    )
    moved = truth[pick] + rng.normal(0, 0.1, (detections, 4)) * np.tile(truth[pick, 2:] - truth[pick, :2], 2)
    moved = np.concatenate([np.minimum(moved[:, :2], moved[:, 2:] - 1), moved[:, 2:]], 1)
    corners = np.where(near[:, None], moved, draw(detections)).astype(np.float32)
    labels = np.where(near, label[pick], rng.integers(classes, size=detections))
    return index, Detections(image, corners, labels, rng.random(detections).astype(np.float32))


def report_evaluation() -> None:
    print("\nevaluation and matches: s")
    scene = random_scene(5000, 36_000, 500_000, 80, 8, 400)
    rows = {name: partial(evaluate_coco, per_image=100, engine=name) for name in ("hotcoco", "pycocotools")}
    rows["voc07"] = partial(VOC07.evaluate, per_image=100, engine="")
    print("5000 images, 36,000 objects, 500,000 detections, 80 classes")
    for name, evaluate in rows.items():
        print(f"  {name:<12}{seconds_of(evaluate, *scene):>6.1f}", flush=True)
    scene = random_scene(400, 80_000, 90_000, 1, 6, 60)
    print("400 images, 80,000 objects, 90,000 detections, one class, maxDets 3000 (pycocotools takes minutes)")
    rows = {"hotcoco": evaluate_coco, "height": evaluate_height}
    for name, rule in rows.items():
        evaluate = partial(rule, per_image=3000, engine="hotcoco")
        print(f"  {name:<12}{seconds_of(evaluate, *scene):>6.1f}", flush=True)

"""Ground truth and detections of the protocols' tests: by hand, drawn at random, and COCO's own example."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from experiments.protocols.interface import Detections

SHARED = Path(__file__).parents[2] / "shared" / "data"
ORACLE = SHARED / "coco_sample" / "eval_oracle"


@dataclass(frozen=True, eq=False)
class Fixed:
    """Ground truth of a test."""

    image_ids: np.ndarray
    sizes: np.ndarray
    offsets: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    ignore: np.ndarray
    classes: tuple[str, ...]
    small_medium: tuple[float, float] = (32.0**2, 96.0**2)
    areas: np.ndarray | None = None
    paths: tuple[str, ...] = ()


def truth(images, ignore=(), classes=("a", "b"), ids=None):
    """images: a list of (box, label) for each image."""
    rows = [row for image in images for row in image]
    return Fixed(
        image_ids=np.arange(len(images)) if ids is None else np.array(ids),
        sizes=np.full((len(images), 2), 500),
        offsets=np.cumsum([0, *map(len, images)]),
        boxes=np.array([box for box, _ in rows], dtype=np.float32).reshape(-1, 4),
        labels=np.array([label for _, label in rows], dtype=np.int64),
        ignore=np.isin(np.arange(len(rows)), ignore),
        classes=classes,
    )


def detections(*rows):
    """rows: (image, box, label, score)."""
    image, boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Detections(
        np.array(image, dtype=np.int64),
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(labels, dtype=np.int64),
        np.array(scores, dtype=np.float32),
    )


def xyxy(bbox):
    return [bbox[0], bbox[1], bbox[0] + bbox[2], bbox[1] + bbox[3]]


def oracle():
    if not ORACLE.is_dir():
        pytest.skip(f"the sample data is not at {ORACLE}")
    data = json.loads((ORACLE / "instances_val2014_100.json").read_text())
    found = json.loads((ORACLE / "instances_val2014_fakebbox100_results.json").read_text())
    position = {image["id"]: i for i, image in enumerate(data["images"])}  # one of the 100 has no detection
    label = {c["id"]: k for k, c in enumerate(data["categories"])}
    rows = [a for image in position for a in data["annotations"] if a["image_id"] == image]
    images = [[(xyxy(a["bbox"]), label[a["category_id"]]) for a in rows if a["image_id"] == i] for i in position]
    crowd = [i for i, a in enumerate(rows) if a["iscrowd"]]
    made = truth(images, crowd, tuple(c["name"] for c in data["categories"]), ids=list(position))
    hits = [(position[r["image_id"]], xyxy(r["bbox"]), label[r["category_id"]], r["score"]) for r in found]
    return replace(made, areas=np.array([a["area"] for a in rows])), detections(*hits)


def random_scene(seed, images=12, classes=3, boxes=60, found=300, size=200, steps=10):
    """Crowded, with ignored boxes, equal scores, equal boxes and pixels that are whole numbers."""
    rng = np.random.default_rng(seed)
    box = lambda n: np.concatenate([c := rng.integers(0, size, (n, 2)), c + rng.integers(4, size // 2, (n, 2))], 1)  # noqa: E731
    owner, corners = np.sort(rng.integers(images, size=boxes)), box(boxes)
    known = Fixed(
        image_ids=rng.permutation(images) + 5,
        sizes=np.full((images, 2), size),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=images))]),
        boxes=corners.astype(np.float32),
        labels=rng.integers(classes, size=boxes),
        ignore=rng.random(boxes) < 0.15,
        classes=tuple("abcdefgh"[:classes]),
    )
    pick, near = rng.integers(boxes, size=found), rng.random(found) < 0.8
    moved = corners[pick] + rng.integers(-4, 5, (found, 4))
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    score = rng.integers(1, steps + 1, size=found) / steps if steps else rng.random(found)
    return known, Detections(
        np.where(near, owner[pick], rng.integers(images, size=found)),
        np.where(near[:, None], moved, box(found)).astype(np.float32),
        np.where(near, known.labels[pick], rng.integers(classes, size=found)),
        score.astype(np.float32),
    )

"""Ground truth and detections for the protocols: by hand, at random, COCO's own example, WIDER FACE's lists."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.io import savemat

from experiments.protocols.detections import Detections
from experiments.protocols.wider_lists import SETTINGS
from tests.samples import REAL

ORACLE = REAL / "coco_sample" / "eval_oracle"


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
    results = json.loads((ORACLE / "instances_val2014_fakebbox100_results.json").read_text())
    position = {image["id"]: i for i, image in enumerate(data["images"])}  # one of the 100 has no detection
    label = {c["id"]: k for k, c in enumerate(data["categories"])}
    rows = [a for image in position for a in data["annotations"] if a["image_id"] == image]
    images = [[(xyxy(a["bbox"]), label[a["category_id"]]) for a in rows if a["image_id"] == i] for i in position]
    crowd = [i for i, a in enumerate(rows) if a["iscrowd"]]
    objects = truth(images, crowd, tuple(c["name"] for c in data["categories"]), ids=list(position))
    detected = [(position[r["image_id"]], xyxy(r["bbox"]), label[r["category_id"]], r["score"]) for r in results]
    return replace(objects, areas=np.array([a["area"] for a in rows])), detections(*detected)


def random_scene(seed, images=12, classes=3, boxes=60, detected=300, size=200, steps=10):
    """Crowded, with ignored boxes, equal scores, equal boxes and pixels that are whole numbers."""
    rng = np.random.default_rng(seed)
    box = lambda n: np.concatenate([c := rng.integers(0, size, (n, 2)), c + rng.integers(4, size // 2, (n, 2))], 1)  # noqa: E731
    owner, corners = np.sort(rng.integers(images, size=boxes)), box(boxes)
    objects = Fixed(
        image_ids=rng.permutation(images) + 5,
        sizes=np.full((images, 2), size),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=images))]),
        boxes=corners.astype(np.float32),
        labels=rng.integers(classes, size=boxes),
        ignore=rng.random(boxes) < 0.15,
        classes=tuple("abcdefgh"[:classes]),
    )
    pick, near = rng.integers(boxes, size=detected), rng.random(detected) < 0.8
    moved = corners[pick] + rng.integers(-4, 5, (detected, 4))
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    score = rng.integers(1, steps + 1, size=detected) / steps if steps else rng.random(detected)
    return objects, Detections(
        np.where(near, owner[pick], rng.integers(images, size=detected)),
        np.where(near[:, None], moved, box(detected)).astype(np.float32),
        np.where(near, objects.labels[pick], rng.integers(classes, size=detected)),
        score.astype(np.float32),
    )


def column(values):
    """MATLAB's cell array of n rows."""
    cells = np.empty((len(values), 1), dtype=object)
    cells[:, 0] = values
    return cells


def counting(hard, medium=(), easy=()):
    """Numbers, from 1, of an image's faces that count in each setting."""
    return {"easy": list(easy), "medium": list(medium), "hard": list(hard)}


def listed_faces(root, images):
    """Writes WIDER FACE's lists; the index's truth of their images, all of one event.

    images: name -> (faces x y w h, `counting`).
    """
    folder = root / "wider_face_split" / "ground_truth"
    folder.mkdir(parents=True)
    for setting in SETTINGS:
        lists = {
            "event_list": column(["0--Parade"]),
            "file_list": column([column(list(images))]),
            "face_bbx_list": column([column([np.array(f, dtype=np.int32).reshape(-1, 4) for f, _ in images.values()])]),
            "gt_list": column([column([np.array(k[setting], dtype=np.uint8)[:, None] for _, k in images.values()])]),
        }
        savemat(folder / f"wider_{setting}_val.mat", lists)
    paths = tuple(str(root / f"WIDER_val/images/0--Parade/{name}.jpg") for name in images)
    return replace(truth([[] for _ in images], classes=("face",)), paths=paths)

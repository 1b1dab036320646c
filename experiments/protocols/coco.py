"""The COCO protocol: average precision and recall of detections, with pycocotools as the engine."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from experiments.records import RecordError, is_whole_zip, write_atomic

ANY = 1e10  # px^2, COCO's bound for "any area"
AT_50, AT_75 = 0, 5  # positions in COCO's IoU thresholds .5:.05:.95
ALL, SMALL, MEDIUM, LARGE = range(4)  # area ranges


class Truth(Protocol):
    """n images and N boxes in flat arrays; `data.index.Index` is one.

    Optional: `areas` (N,) px^2 for the area ranges (COCO's own: of the segmentation). None or absent: the box's area.
    """

    image_ids: np.ndarray  # (n,)
    sizes: np.ndarray  # (n, 2) height, width
    offsets: np.ndarray  # (n + 1,)
    boxes: np.ndarray  # (N, 4) x1 y1 x2 y2
    labels: np.ndarray  # (N,)
    ignore: np.ndarray  # (N,) bool: neither found nor missed, as COCO's crowd
    classes: tuple[str, ...]
    small_medium: tuple[float, float]  # px^2, bounds of small/medium and medium/large


@dataclass(frozen=True, eq=False)
class Detections:
    """D detections, in pixels of the original images."""

    image: np.ndarray  # (D,) position in the index, not COCO's id
    boxes: np.ndarray  # (D, 4) float32 x1 y1 x2 y2
    labels: np.ndarray  # (D,)
    scores: np.ndarray  # (D,)

    def save(self, path: Path) -> None:
        """Replaces the file whole or not at all."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: np.asarray(array) for name, array in vars(self).items()})
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Detections:
        """Raises RecordError for a file that cannot be read."""
        try:
            if not is_whole_zip(path):
                raise ValueError("it is damaged")
            with np.load(path, allow_pickle=False) as file:
                return cls(*(file[field.name] for field in fields(cls)))
        except Exception as error:  # zipfile and numpy raise a dozen kinds for a damaged file
            raise RecordError(f"Cannot read the detections {path}: {error}.") from None


@dataclass(frozen=True)
class Scores:
    """Fractions of 1; None where there is no ground truth."""

    figures: dict[str, float | None]  # AP AP50 AP75 APs APm APl, AR at each maxDets, ARs ARm ARl
    per_class: dict[str, float | None]  # AP


def evaluate(truth: Truth, detections: Detections, max_dets: tuple[int, int, int]) -> Scores:
    """Scores with at most `max_dets` detections an image and class; AP counts the largest of the three."""
    known, found, (low, high) = _ground_truth(truth), _found(truth, detections), truth.small_medium
    with redirect_stdout(io.StringIO()):  # pycocotools prints
        engine = COCOeval(_coco(known), _coco(found), "bbox")
        engine.params.maxDets = sorted(max_dets)
        engine.params.areaRng = [[0, ANY], [0, low], [low, high], [high, ANY]]
        engine.evaluate()
        engine.accumulate()
    # Never engine.stats: it is -1 where max_dets has no 100.
    precision, recall = engine.eval["precision"], engine.eval["recall"]
    per_class = {name: _mean(precision[:, :, k, ALL, -1]) for k, name in enumerate(truth.classes)}
    return Scores(_figures(precision, recall, sorted(max_dets)), per_class)


def _figures(precision: np.ndarray, recall: np.ndarray, max_dets: list[int]) -> dict[str, float | None]:
    """precision (T, R, K, A, M), recall (T, K, A, M): IoU and recall thresholds, classes, area ranges, max_dets."""
    areas = {"s": SMALL, "m": MEDIUM, "l": LARGE}
    return {
        "AP": _mean(precision[..., ALL, -1]),
        "AP50": _mean(precision[AT_50, ..., ALL, -1]),
        "AP75": _mean(precision[AT_75, ..., ALL, -1]),
        **{f"AP{name}": _mean(precision[..., area, -1]) for name, area in areas.items()},
        **{f"AR{most}": _mean(recall[..., ALL, m]) for m, most in enumerate(max_dets)},
        **{f"AR{name}": _mean(recall[..., area, -1]) for name, area in areas.items()},
    }


def _mean(values: np.ndarray) -> float | None:
    """pycocotools marks what has no ground truth with -1."""
    known = values[values > -1]
    return float(known.mean()) if len(known) else None


def _ids(truth: Truth) -> np.ndarray:
    """(n,) the rank of each image id: COCO breaks ties between equal scores by image id."""
    ids = np.empty(len(truth.image_ids), dtype=np.int64)
    ids[np.argsort(truth.image_ids, kind="stable")] = np.arange(len(ids))
    return ids


def _ground_truth(truth: Truth) -> dict:
    image = np.repeat(_ids(truth), np.diff(truth.offsets))  # (N,)
    known = _annotations(image, truth.boxes, truth.labels)
    areas = getattr(truth, "areas", None)
    areas = [a["area"] for a in known] if areas is None else np.asarray(areas, dtype=np.float64).tolist()
    rows = zip(known, areas, np.asarray(truth.ignore).tolist(), strict=True)
    return _dataset(truth, [a | {"area": area, "iscrowd": int(crowd)} for a, area, crowd in rows])


def _found(truth: Truth, detections: Detections) -> dict:
    found = _annotations(_ids(truth)[np.asarray(detections.image, dtype=np.int64)], detections.boxes, detections.labels)
    scores = np.asarray(detections.scores, dtype=np.float64).tolist()
    return _dataset(truth, [a | {"score": score} for a, score in zip(found, scores, strict=True)])


def _annotations(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray) -> list[dict]:
    """COCO's form of boxes. Ids start at 1: pycocotools takes a match with id 0 for none."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    size = boxes[:, 2:] - boxes[:, :2]
    rows = zip(
        image.tolist(), np.concatenate([boxes[:, :2], size], 1).tolist(), np.asarray(labels).tolist(), strict=True
    )
    return [
        {"id": i, "image_id": im, "category_id": label, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for i, (im, box, label) in enumerate(rows, start=1)
    ]


def _dataset(truth: Truth, annotations: list[dict]) -> dict:
    images = [{"id": i} for i in range(len(truth.image_ids))]
    return {"images": images, "annotations": annotations, "categories": [{"id": k} for k in range(len(truth.classes))]}


def _coco(dataset: dict) -> COCO:
    coco = COCO()
    coco.dataset = dataset
    coco.createIndex()
    return coco

"""COCO's evaluation by one of two libraries, equal to the last bit; both get flat arrays.

hotcoco is the fast one. faster-coco-eval was measured too: slower, and off by one unit in the last place.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version

import hotcoco
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from experiments.protocols.overlaps import Boxes


@dataclass(frozen=True, eq=False)
class Problem:
    """N objects, D detections, A ranges of size, M limits."""

    images: int
    classes: int
    known: Boxes  # N
    known_size: np.ndarray  # (N,) in the unit of `ranges`
    crowd: np.ndarray  # (N,) bool
    found: Boxes  # D
    found_size: np.ndarray  # (D,)
    score: np.ndarray  # (D,) float64
    ranges: tuple[tuple[float, float], ...]  # (A,) objects of other sizes are ignored
    max_dets: tuple[int, ...]  # (M,) rising: detections of an image and class that count


def curves(problem: Problem, engine: str) -> tuple[np.ndarray, np.ndarray]:
    """precision (T, R, K, A, M) at R = 101 recalls, and recall (T, K, A, M); -1 where there is no ground truth."""
    with redirect_stdout(io.StringIO()):  # pycocotools prints
        found = {"hotcoco": _hotcoco, "pycocotools": _pycocotools}[engine](problem)
        found.params.maxDets = list(problem.max_dets)
        found.params.areaRng = [list(bounds) for bounds in problem.ranges]
        found.evaluate()
        found.accumulate()
    # Never `stats`: it is -1 where max_dets has no 100.
    return np.asarray(found.eval["precision"]), np.asarray(found.eval["recall"])


def name(engine: str) -> str:
    """For the record: the library and its version."""
    return f"{engine} {version(engine)}"


def _lists(problem: Problem) -> tuple[list[dict], list[dict]]:
    images = [{"id": i} for i in range(problem.images)]
    return images, [{"id": k, "name": str(k)} for k in range(problem.classes)]


def _hotcoco(problem: Problem) -> hotcoco.COCOeval:
    images, categories = _lists(problem)
    known, found, size = problem.known, problem.found, problem.found_size
    truth = hotcoco.COCO.from_arrays(
        images, categories, known.image, known.label, known.xywh, area=problem.known_size, iscrowd=problem.crowd
    )
    detections = truth.load_res(np.column_stack([found.image, found.xywh, problem.score, found.label]))
    detections.update_anns(ids=np.arange(1, len(size) + 1), area=size)
    return hotcoco.COCOeval(truth, detections, "bbox")


def _pycocotools(problem: Problem) -> COCOeval:
    known = _annotations(problem.known, problem.known_size, "iscrowd", problem.crowd.astype(int))
    found = _annotations(problem.found, problem.found_size, "score", problem.score)
    return COCOeval(_coco(problem, known), _coco(problem, found), "bbox")


def _annotations(boxes: Boxes, size: np.ndarray, field: str, values: np.ndarray) -> list[dict]:
    """COCO's form of boxes. Ids start at 1: pycocotools takes a match with id 0 for none."""
    columns = (boxes.image, boxes.label, boxes.xywh, size, values)
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return [
        {"id": i, "image_id": image, "category_id": label, "bbox": box, "area": area, field: value}
        for i, (image, label, box, area, value) in enumerate(rows, start=1)
    ]


def _coco(problem: Problem, annotations: list[dict]) -> COCO:
    coco, (images, categories) = COCO(), _lists(problem)
    coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
    coco.createIndex()
    return coco

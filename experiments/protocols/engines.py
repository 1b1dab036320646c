"""COCO's evaluation by one of two libraries, equal to the last bit; both get flat arrays.

hotcoco is the fast one. faster-coco-eval was measured too: slower, and off by one unit in the last place.
Both are imported where they are used: pycocotools brings matplotlib along.
"""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from experiments.protocols.overlaps import BoxColumns


@dataclass(frozen=True, eq=False)
class Problem:
    """N objects, D detections, A ranges of size, M limits."""

    images: int
    classes: int
    truth: BoxColumns  # N
    truth_size: np.ndarray  # (N,) in the unit of `ranges`
    crowd: np.ndarray  # (N,) bool
    detected: BoxColumns  # D
    detected_size: np.ndarray  # (D,)
    score: np.ndarray  # (D,) float64
    ranges: tuple[tuple[float, float], ...]  # (A,) objects of other sizes are ignored
    max_dets: tuple[int, ...]  # (M,) rising: detections of an image and class that count


def curves(problem: Problem, engine: str) -> tuple[np.ndarray, np.ndarray]:
    """precision (T, R, K, A, M) at R = 101 recalls, and recall (T, K, A, M); -1 where there is no ground truth."""
    with redirect_stdout(io.StringIO()):  # pycocotools prints
        evaluation = ENGINES[engine](problem)
        evaluation.params.maxDets = list(problem.max_dets)
        evaluation.params.areaRng = [list(bounds) for bounds in problem.ranges]
        evaluation.evaluate()
        evaluation.accumulate()
    # Never `stats`: it is -1 where max_dets has no 100.
    return np.asarray(evaluation.eval["precision"]), np.asarray(evaluation.eval["recall"])


def engine_version(engine: str) -> str:
    """For the record: the library and its version."""
    return f"{engine} {version(engine)}"


def _lists(problem: Problem) -> tuple[list[dict], list[dict]]:
    images = [{"id": i} for i in range(problem.images)]
    return images, [{"id": k, "name": str(k)} for k in range(problem.classes)]


def _hotcoco(problem: Problem):
    import hotcoco

    images, categories = _lists(problem)
    objects, detected, size = problem.truth, problem.detected, problem.detected_size
    truth = hotcoco.COCO.from_arrays(
        images, categories, objects.image, objects.label, objects.xywh, area=problem.truth_size, iscrowd=problem.crowd
    )
    detections = truth.load_res(np.column_stack([detected.image, detected.xywh, problem.score, detected.label]))
    detections.update_anns(ids=np.arange(1, len(size) + 1), area=size)
    return hotcoco.COCOeval(truth, detections, "bbox")


def _pycocotools(problem: Problem):
    from pycocotools.cocoeval import COCOeval

    truth = _annotations(problem.truth, problem.truth_size, "iscrowd", problem.crowd.astype(int))
    detected = _annotations(problem.detected, problem.detected_size, "score", problem.score)
    return COCOeval(_coco(problem, truth), _coco(problem, detected), "bbox")


def _annotations(boxes: BoxColumns, size: np.ndarray, field: str, values: np.ndarray) -> list[dict]:
    """COCO's form of boxes. Ids start at 1: pycocotools takes a match with id 0 for none."""
    columns = (boxes.image, boxes.label, boxes.xywh, size, values)
    rows = zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    return [
        {"id": i, "image_id": image, "category_id": label, "bbox": box, "area": area, field: value}
        for i, (image, label, box, area, value) in enumerate(rows, start=1)
    ]


def _coco(problem: Problem, annotations: list[dict]):
    from pycocotools.coco import COCO

    coco, (images, categories) = COCO(), _lists(problem)
    coco.dataset = {"images": images, "annotations": annotations, "categories": categories}
    coco.createIndex()
    return coco


ENGINES = {"hotcoco": _hotcoco, "pycocotools": _pycocotools}

"""COCO's protocol, and WIDER FACE's by height, which is the same on heights instead of areas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from experiments.protocols import engines, matching
from experiments.protocols.engines import Problem
from experiments.protocols.interface import HALF, THREE_QUARTERS, THRESHOLDS, Detections, Protocol, Scores, Truth
from experiments.protocols.overlaps import (
    BoxColumns,
    Pairs,
    detection_columns,
    images_by_rank,
    overlapping_pairs,
    ranks_in_group,
    truth_columns,
)
from experiments.records.arrays import Matches
from experiments.records.schema import METRICS

ANY_AREA, ANY_HEIGHT = 1e10, 1e5  # px^2 and px: the upper bounds of COCO's and of cvpods' WIDER FACE evaluation
ALL, SMALL, MEDIUM, LARGE = range(4)  # ranges
# cvpods, evaluation/widerfacetools.py; it compares the truth's *width* with them (bbox[2]), here it is the height.
HEIGHTS = ((10.0, ANY_HEIGHT), (10.0, 50.0), (50.0, 300.0), (300.0, ANY_HEIGHT))
HEIGHT_MAX_DETS = (10, 100, 1000)


def evaluate_coco(truth: Truth, detections: Detections, per_image: int, engine: str) -> Scores:
    """AP counts `per_image` detections of an image and class; AR also 1 and 10."""
    low, high = truth.small_medium
    ranges = ((0.0, ANY_AREA), (0.0, low), (low, high), (high, ANY_AREA))
    areas = getattr(truth, "areas", None)
    sizes = None if areas is None else np.asarray(areas, dtype=np.float64)
    max_dets = tuple(sorted((1, min(10, per_image), per_image)))
    return _scores(truth, _problem(truth, detections, _area, sizes, ranges, max_dets), engine)


def evaluate_height(truth: Truth, detections: Detections, per_image: int, engine: str) -> Scores:
    """WIDER FACE: small, medium and large are 10-50, 50-300 and 300 px up; faces under 10 px are ignored."""
    return _scores(truth, _problem(truth, detections, _height, None, HEIGHTS, HEIGHT_MAX_DETS), engine)


COCO = Protocol("coco", evaluate_coco, by_size=True, recall_points=101)
HEIGHT = Protocol("height", evaluate_height, by_size=True, recall_points=101)


def _problem(
    truth: Truth, detections: Detections, size: Callable, sizes: np.ndarray | None, ranges, max_dets: tuple[int, ...]
) -> Problem:
    """size: of boxes; sizes: (N,) of the truth, where it has them."""
    objects, (detected, score) = truth_columns(truth), detection_columns(truth, detections)
    return Problem(
        images=len(truth.image_ids),
        classes=len(truth.classes),
        truth=objects,
        truth_size=size(objects) if sizes is None else sizes,
        crowd=np.asarray(truth.ignore, dtype=bool),
        detected=detected,
        detected_size=size(detected),
        score=score,
        ranges=ranges,
        max_dets=max_dets,
    )


def _scores(truth: Truth, problem: Problem, engine: str) -> Scores:
    precision, recall = engines.curves(problem, engine)
    per_class = {name: _mean(precision[:, :, k, ALL, -1]) for k, name in enumerate(truth.classes)}
    of_all, *by_size = _matches(truth, problem)
    return Scores(_metrics(precision, recall, problem.max_dets), per_class, of_all, tuple(m.judged() for m in by_size))


def _metrics(precision: np.ndarray, recall: np.ndarray, max_dets: tuple[int, ...]) -> dict[str, float | None]:
    """precision (T, R, K, A, M), recall (T, K, A, M): IoU and recall thresholds, classes, ranges, max_dets."""
    sizes = {"s": SMALL, "m": MEDIUM, "l": LARGE}
    main = (
        precision[..., ALL, -1],
        precision[HALF, ..., ALL, -1],
        precision[THREE_QUARTERS, ..., ALL, -1],
        *(precision[..., size, -1] for size in sizes.values()),
    )
    return {
        **{name: _mean(values) for name, values in zip(METRICS, main, strict=True)},
        **{f"AR{limit}": _mean(recall[..., ALL, m]) for m, limit in enumerate(max_dets)},
        **{f"AR{name}": _mean(recall[..., size, -1]) for name, size in sizes.items()},
    }


def _matches(truth: Truth, problem: Problem) -> Iterator[Matches]:
    """Of each of the ranges, at the largest of max_dets."""
    counted = np.flatnonzero(ranks_in_group(problem.detected) < problem.max_dets[-1])
    pairs = overlapping_pairs(problem.detected.rows(counted), problem.truth, crowd=problem.crowd)
    for bounds in problem.ranges:
        yield _in_range(truth, problem, counted, pairs, bounds)


def _in_range(
    truth: Truth, problem: Problem, counted: np.ndarray, pairs: Pairs, bounds: tuple[float, float]
) -> Matches:
    """Of the objects of some sizes; the others are ignored, so that each size has matches of its own."""
    detected = problem.detected.rows(counted)
    ignore = problem.crowd | _outside(problem.truth_size, bounds)
    matched = matching.coco(pairs, detected, ignore, problem.crowd, THRESHOLDS)  # (D, T) row of the truth, or -1
    # On an ignored object, or unmatched and of a size that does not count: neither right nor wrong.
    on_ignored = np.append(ignore, False)[matched]  # -1, no object: the appended False
    out_of_range = _outside(problem.detected_size[counted], bounds)
    return Matches(
        image=detected.image.astype(np.int32),
        label=detected.label.astype(np.int32),
        score=matching.kept_exactly(problem.score[counted]),
        object=matching.among_counted(matched, ~ignore),
        ignored=on_ignored | ((matched < 0) & out_of_range[:, None]),
        thresholds=THRESHOLDS,
        truth_image=problem.truth.image[~ignore].astype(np.int32),
        truth_label=problem.truth.label[~ignore].astype(np.int32),
        truth_box=np.asarray(truth.boxes, dtype=np.float32)[~ignore],
        image_ids=np.asarray(truth.image_ids)[images_by_rank(truth)],
    )


def _outside(size: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return (size < bounds[0]) | (size > bounds[1])


def _height(boxes: BoxColumns) -> np.ndarray:
    return boxes.xywh[:, 3]


def _area(boxes: BoxColumns) -> np.ndarray:
    return boxes.xywh[:, 2] * boxes.xywh[:, 3]


def _mean(values: np.ndarray) -> float | None:
    """The engines mark what has no ground truth with -1."""
    known_values = values[values > -1]
    return float(known_values.mean()) if len(known_values) else None

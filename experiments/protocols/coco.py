"""COCO's protocol, and WIDER FACE's by height, which is the same on heights instead of areas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.protocols import engines, matching
from experiments.protocols.engines import Problem
from experiments.protocols.interface import HALF, MAIN, THREE_QUARTERS, THRESHOLDS, Detections, Matches, Scores, Truth
from experiments.protocols.overlaps import Boxes, found_boxes, known_boxes, pairs, places, positions

ANY_AREA, ANY_HEIGHT = 1e10, 1e5  # px^2 and px: the upper bounds of COCO's and of cvpods' WIDER FACE evaluation
ALL, SMALL, MEDIUM, LARGE = range(4)  # ranges
# cvpods, evaluation/widerfacetools.py; it compares the truth's *width* with them (bbox[2]), here it is the height.
HEIGHTS = ((10.0, ANY_HEIGHT), (10.0, 50.0), (50.0, 300.0), (300.0, ANY_HEIGHT))
HEIGHT_MAX_DETS = (10, 100, 1000)


def evaluate(truth: Truth, detections: Detections, max_dets: tuple[int, int, int], engine: str) -> Scores:
    """Scores with at most `max_dets` detections an image and class; AP counts the largest of the three."""
    low, high = truth.small_medium
    ranges = ((0.0, ANY_AREA), (0.0, low), (low, high), (high, ANY_AREA))
    areas = getattr(truth, "areas", None)
    own = None if areas is None else np.asarray(areas, dtype=np.float64)
    return _scores(truth, _problem(truth, detections, _area, own, ranges, tuple(sorted(max_dets))), engine)


def height(truth: Truth, detections: Detections, engine: str) -> Scores:
    """WIDER FACE: small, medium and large are 10-50, 50-300 and 300 px up; faces under 10 px are ignored."""
    return _scores(truth, _problem(truth, detections, _height, None, HEIGHTS, HEIGHT_MAX_DETS), engine)


def _problem(truth: Truth, detections: Detections, size: Callable, own: np.ndarray | None, ranges, most) -> Problem:
    """size: of boxes; own: (N,) those of the truth, where it has its own."""
    known, (found, score) = known_boxes(truth), found_boxes(truth, detections)
    crowd = np.asarray(truth.ignore, dtype=bool)
    own = size(known) if own is None else own
    images, classes = len(truth.image_ids), len(truth.classes)
    return Problem(images, classes, known, own, crowd, found, size(found), score, ranges, most)


def _scores(truth: Truth, problem: Problem, engine: str) -> Scores:
    precision, recall = engines.curves(problem, engine)
    per_class = {name: _mean(precision[:, :, k, ALL, -1]) for k, name in enumerate(truth.classes)}
    return Scores(_figures(precision, recall, problem.max_dets), per_class, _matches(truth, problem))


def _figures(precision: np.ndarray, recall: np.ndarray, max_dets: tuple[int, ...]) -> dict[str, float | None]:
    """precision (T, R, K, A, M), recall (T, K, A, M): IoU and recall thresholds, classes, ranges, max_dets."""
    sizes = {"s": SMALL, "m": MEDIUM, "l": LARGE}
    main = (
        precision[..., ALL, -1],
        precision[HALF, ..., ALL, -1],
        precision[THREE_QUARTERS, ..., ALL, -1],
        *(precision[..., size, -1] for size in sizes.values()),
    )
    return {
        **{name: _mean(values) for name, values in zip(MAIN, main, strict=True)},
        **{f"AR{most}": _mean(recall[..., ALL, m]) for m, most in enumerate(max_dets)},
        **{f"AR{name}": _mean(recall[..., size, -1]) for name, size in sizes.items()},
    }


def _matches(truth: Truth, problem: Problem) -> Matches:
    """Of all sizes, at the largest of max_dets."""
    kept = np.flatnonzero(places(problem.found) < problem.max_dets[-1])
    found = problem.found.rows(kept)
    ignore = problem.crowd | _outside(problem.known_size, problem.ranges[ALL])
    near = pairs(found, problem.known, crowd=problem.crowd)
    known = matching.coco(near, found, ignore, problem.crowd, THRESHOLDS)  # (D, T)
    on_ignored = np.append(ignore, False)[known]  # -1, no object: the appended False
    out = _outside(problem.found_size[kept], problem.ranges[ALL])
    return Matches(
        positions(truth)[found.image].astype(np.int32),
        found.label.astype(np.int32),
        problem.score[kept].astype(np.float32),
        known >= 0,
        on_ignored | ((known < 0) & out[:, None]),
        THRESHOLDS,
        positions(truth)[problem.known.image[~ignore]].astype(np.int32),
        problem.known.label[~ignore].astype(np.int32),
        np.array(problem.images),
    )


def _outside(size: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    return (size < bounds[0]) | (size > bounds[1])


def _height(boxes: Boxes) -> np.ndarray:
    return boxes.xywh[:, 3]


def _area(boxes: Boxes) -> np.ndarray:
    return boxes.xywh[:, 2] * boxes.xywh[:, 3]


def _mean(values: np.ndarray) -> float | None:
    """The engines mark what has no ground truth with -1."""
    known = values[values > -1]
    return float(known.mean()) if len(known) else None

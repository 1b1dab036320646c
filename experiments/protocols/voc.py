"""PASCAL VOC's average precision, averaged over IoU .5:.05:.95 as detectron2's and cvpods' pascal_voc_evaluation do.

Their rules: difficult objects are ignored; each detection goes to the object of its class with the highest IoU, which
must be *above* the threshold; a second detection there is wrong. They count pixels (x2 - x1 + 1) in 1-based boxes with
the last pixel inside; in the index, whose boxes start one lower, that is the plain IoU. They round scores to .001 and
boxes to .1 px on the way through a text file, and give a class without objects AP 0: here neither is done.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from experiments.protocols import matching
from experiments.protocols.interface import HALF, MAIN, THREE_QUARTERS, Detections, Matches, Scores, Truth, mean
from experiments.protocols.overlaps import found_boxes, known_boxes, pairs, positions

THRESHOLDS = np.arange(50, 100, 5) / 100
POINTS = np.arange(0.0, 1.1, 0.1)  # recalls of VOC 2007


def evaluate(truth: Truth, detections: Detections, average: Callable[[np.ndarray, np.ndarray], float]) -> Scores:
    """average: (recall, precision) -> AP, one of the two below."""
    known, (found, score) = known_boxes(truth), found_boxes(truth, detections)
    difficult = np.asarray(truth.ignore, dtype=bool)
    near = pairs(found, known)
    hit = near.iou[:, None] > THRESHOLDS
    matched, ignored = matching.voc(near, len(score), difficult, hit)
    place = positions(truth)
    matches = Matches(
        place[found.image].astype(np.int32),
        found.label.astype(np.int32),
        score.astype(np.float32),
        matched,
        ignored,
        THRESHOLDS,
        place[known.image[~difficult]].astype(np.int32),
        known.label[~difficult].astype(np.int32),
        np.array(len(place)),
    )
    aps = [_class(matches, k, average) for k in range(len(truth.classes))]  # (K,) of (T,)
    over = {"AP": slice(None), "AP50": HALF, "AP75": THREE_QUARTERS}
    figures = {
        name: mean([None if ap is None else float(ap[part].mean()) for ap in aps]) for name, part in over.items()
    }
    per_class = {name: None if ap is None else float(ap.mean()) for name, ap in zip(truth.classes, aps, strict=True)}
    return Scores(dict.fromkeys(MAIN) | figures, per_class, matches)


def _class(matches: Matches, k: int, average: Callable) -> np.ndarray | None:
    """(T,) AP; None for a class without objects."""
    count = np.count_nonzero(matches.truth_label == k)
    if not count:
        return None
    rows = np.flatnonzero(matches.label == k)
    rows = rows[np.argsort(-matches.score[rows], kind="stable")]
    right = np.cumsum(matches.matched[rows], axis=0)  # (D, T)
    judged = np.cumsum(~matches.ignored[rows], axis=0)
    precision = right / np.maximum(judged, np.finfo(np.float64).eps)  # the first may be on a difficult object
    return np.array([average(r / count, p) for r, p in zip(right.T, precision.T, strict=True)])


def eleven_points(recall: np.ndarray, precision: np.ndarray) -> float:
    """VOC 2007: mean of the best precision at recall 0, .1, ... 1 and beyond it."""
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(sum(best[np.searchsorted(recall, POINTS)] / len(POINTS)))


def area(recall: np.ndarray, precision: np.ndarray) -> float:
    """VOC 2010 and after: the area under the precision made monotone."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())

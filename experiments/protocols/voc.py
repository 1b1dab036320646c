"""PASCAL VOC's average precision, averaged over IoU .5:.05:.95 as detectron2's and cvpods' pascal_voc_evaluation do.

Their rules: difficult objects are ignored; each detection goes to the object of its class with the highest IoU, which
must be *above* the threshold; a second detection there is wrong. They count pixels (x2 - x1 + 1) in 1-based boxes with
the last pixel inside; in the index, whose boxes start one lower, that is the plain IoU. They round scores to .001 and
boxes to .1 px on the way through a text file, and give a class without objects AP 0: here neither is done.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.protocols import matching
from experiments.protocols.interface import HALF, THREE_QUARTERS, Detections, Protocol, Scores, Truth, mean_known
from experiments.protocols.overlaps import detection_columns, images_by_rank, overlapping_pairs, truth_columns
from experiments.records.arrays import Matches
from experiments.records.schema import METRICS

THRESHOLDS = np.arange(50, 100, 5) / 100
POINTS = np.arange(0.0, 1.1, 0.1)  # recalls of VOC 2007

Average = Callable[[np.ndarray, np.ndarray], float]  # (recall, precision) -> AP


def evaluate_voc(truth: Truth, detections: Detections, per_image: int, engine: str, average: Average) -> Scores:
    """per_image and engine are not used: VOC counts every detection, by its own rule."""
    matches = _matches(truth, detections)
    aps = [_class(matches, k, average) for k in range(len(truth.classes))]  # (K,) of (T,)
    thresholds = {"AP": slice(None), "AP50": HALF, "AP75": THREE_QUARTERS}
    metrics = {
        name: mean_known([None if ap is None else float(ap[t].mean()) for ap in aps]) for name, t in thresholds.items()
    }
    per_class = {name: None if ap is None else float(ap.mean()) for name, ap in zip(truth.classes, aps, strict=True)}
    return Scores(dict.fromkeys(METRICS) | metrics, per_class, matches)


def _matches(truth: Truth, detections: Detections) -> Matches:
    objects, (detected, score) = truth_columns(truth), detection_columns(truth, detections)
    counted = ~np.asarray(truth.ignore, dtype=bool)
    pairs = overlapping_pairs(detected, objects)
    matched, ignored = matching.voc(pairs, len(score), ~counted, pairs.iou[:, None] > THRESHOLDS)
    return Matches(
        image=detected.image.astype(np.int32),
        label=detected.label.astype(np.int32),
        score=matching.kept_exactly(score),
        object=matching.among_counted(matched, counted),
        ignored=ignored,
        thresholds=THRESHOLDS,
        truth_image=objects.image[counted].astype(np.int32),
        truth_label=objects.label[counted].astype(np.int32),
        truth_box=np.asarray(truth.boxes, dtype=np.float32)[counted],
        image_ids=np.asarray(truth.image_ids)[images_by_rank(truth)],
    )


def _class(matches: Matches, k: int, average: Average) -> np.ndarray | None:
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


def curve_area(recall: np.ndarray, precision: np.ndarray) -> float:
    """VOC 2010 and after: the area under the precision made monotone."""
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())


VOC07 = Protocol("voc07", partial(evaluate_voc, average=eleven_points), by_size=False, recall_points=11, engine="numpy")
VOC10 = Protocol("voc10", partial(evaluate_voc, average=curve_area), by_size=False, recall_points=0, engine="numpy")

"""AP from the stored matches of a run, for many draws of its images at once; no ground truth, no boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.records.arrays import Matches
from experiments.records.files import RecordError
from experiments.records.score_steps import step_counts, stretched

BLOCK = 2**22  # numbers of one array: 16 MiB in float32
INTEGERS = 2**24  # below it float32 counts exactly


def load_matches(path: Path) -> Matches:
    """With the best detection first. Raises RecordError for a file that is missing, damaged, or does not fit."""
    matches = Matches.load(path)
    try:
        _check(matches)
    except (ValueError, TypeError, IndexError) as error:
        raise RecordError(f"Cannot read {path}: {error}.") from None
    return matches.rows(np.argsort(-matches.score, kind="stable"))  # rows of equal score stay in the protocol's order


def of_classes(matches: Matches, labels: list[int]) -> Matches:
    """With the detections of all classes, whose scores are stretched together, and the objects of some."""
    keep = np.isin(matches.truth_label, labels)
    row = np.where(keep, np.cumsum(keep) - 1, -1).astype(np.int32)
    objects = np.where(matches.object >= 0, row[matches.object], -1) if len(row) else matches.object
    columns = {name: getattr(matches, name)[keep] for name in ("truth_image", "truth_label", "truth_box")}
    return replace(matches, object=objects, **columns)


def of_threshold(matches: Matches, iou: float) -> Matches | None:
    """At one IoU threshold; None where the protocol has none like it."""
    at = np.flatnonzero(np.isclose(matches.thresholds, iou))
    if len(at) != 1:
        return None
    columns = {name: getattr(matches, name)[:, at] for name in ("object", "ignored")}
    return replace(matches, thresholds=matches.thresholds[at], **columns)


def _check(m: Matches) -> None:
    """Raises ValueError where the arrays do not fit together."""
    rows, objects = (m.image.size,), (m.truth_image.size,)
    of_rows = {m.image.shape, m.label.shape, m.score.shape, m.object.shape[:1], m.ignored.shape[:1]}
    if of_rows != {rows} or m.object.ndim != 2 or m.object.shape != m.ignored.shape or m.ignored.dtype != bool:
        raise ValueError("its arrays do not fit together")
    if m.score.dtype.kind != "f" or not np.isfinite(m.score).all():
        raise ValueError("its scores are not finite numbers")
    numbers = (m.image, m.label, m.object, m.truth_image, m.truth_label)
    if any(array.dtype.kind != "i" for array in numbers):
        raise ValueError("its rows and classes are not whole numbers")
    positions = np.concatenate([m.image, m.truth_image])
    if {m.truth_image.shape, m.truth_label.shape} != {objects} or (positions < 0).any():
        raise ValueError("its objects do not fit together")
    if (m.object >= len(m.truth_image)).any():
        raise ValueError("it names an object beyond the last")
    if m.images < 1 or (positions >= m.images).any():
        raise ValueError(f"it names an image beyond its {m.images}")


def ap_of_draws(matches: Matches, weights: np.ndarray, recall_points: int, score_steps: int = 0) -> np.ndarray:
    """AP in each draw, (R,), fractions of 1; NaN where a draw holds no object. Mean over classes with objects, and T.

    weights (V, R) float32: how often a draw holds each image. A draw of every image once is the protocol's own AP.
    recall_points, score_steps: of the protocol, see ProtocolRecord; scores are stretched over the whole set.
    """
    intervals, score = max(0, recall_points - 1), stretched(matches.score)
    total = np.zeros((2, weights.shape[1]))  # sum over the classes, and their number
    for label in np.unique(matches.truth_label):
        above = step_counts(score[matches.label == label], score_steps) if score_steps else None
        total += _class(matches, label, weights, intervals, above)
    with np.errstate(invalid="ignore"):
        return total[0] / total[1]


def _class(m: Matches, label: int, weights: np.ndarray, intervals: int, above: np.ndarray | None) -> np.ndarray:
    """(2, R): AP of one class, mean over T, and whether a draw holds an object of it.

    above: numbers of the class's best detections at which the curve is read; None: at every hit.
    """
    rows = m.label == label
    image, matched, ignored = m.image[rows], m.matched[rows], m.ignored[rows]
    of_class = m.truth_label == label
    objects = np.bincount(m.truth_image[of_class].astype(np.int64), minlength=m.images).astype(np.float32)
    blocks = []
    for block in np.array_split(weights, max(1, -(-len(image) * weights.shape[1] // BLOCK)), axis=1):
        positives = objects @ block  # (r,)
        drawn = block[image]  # (Dk, r)
        every = _sums(drawn)
        curves = []
        for t in range(matched.shape[1]):
            count = ~ignored[:, t]
            hit = np.flatnonzero(matched[:, t] & count)
            at = hit + 1 if above is None else above
            judged = (every if count.all() else _sums(drawn * count[:, None]))[at]
            hits = _sums(drawn[hit])[np.searchsorted(hit, at)]
            curves.append(_area(hits, judged, positives, intervals))
        blocks.append(np.stack([np.mean(curves, axis=0), positives > 0]))
    return np.concatenate(blocks, axis=1)


def _sums(x: np.ndarray) -> np.ndarray:
    """(D + 1, r) sums of the 0, 1, ... D best detections, exact."""
    total = np.zeros((len(x) + 1, x.shape[1]), np.float32 if len(x) * 4 < INTEGERS else np.float64)
    np.cumsum(x, axis=0, dtype=total.dtype, out=total[1:])
    return total


def _area(hits: np.ndarray, judged: np.ndarray, positives: np.ndarray, intervals: int) -> np.ndarray:
    """(H, r) numbers of hits and of detections where the curve is read, (r,) objects -> (r,) AP of one threshold."""
    if len(hits) == 0:
        return np.zeros(len(positives))
    n = np.maximum(positives, 1).astype(np.float64)
    # Precision falls between two hits, so its running maximum from the right needs the hits alone.
    precision = np.divide(hits, np.maximum(judged, 1), dtype=np.float64)
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    if intervals == 0:
        return (envelope * np.diff(hits, axis=0, prepend=0)).sum(0) / n
    reached = _reached(hits, n, intervals)  # (H, r) thresholds of recall at or below each hit, without the one at 0
    return (envelope[0] + (envelope * np.diff(reached, axis=0, prepend=0)).sum(0)) / (intervals + 1)


def _reached(hits: np.ndarray, n: np.ndarray, intervals: int) -> np.ndarray:
    exact = hits * (intervals / n)
    reached = np.floor(exact + 1e-6)  # recalls are multiples of 1 / n, far coarser
    # linspace rounds some thresholds above their decimal: there the protocol's comparison misses an equal recall.
    grid = np.linspace(0, 1, intervals + 1)
    late = grid > np.arange(intervals + 1) / intervals
    tied = np.abs(exact - reached) < 1e-6
    return reached - (tied & late[np.clip(reached, 0, intervals).astype(np.intp)])

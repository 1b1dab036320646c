"""Which detection is matched with which object: COCO's rule and VOC's, without a loop over boxes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from experiments.protocols.overlaps import BoxColumns, Pairs, ranks_in_group


def coco(
    pairs: Pairs, detected: BoxColumns, ignore: np.ndarray, crowd: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """(D, T) row of the object that each detection is matched with, -1: none.

    By falling score, each takes the object of highest IoU that is still free; an ignored one only where no other is
    left; crowds are always free; of equal IoUs the last in the order of the truth. As pycocotools' evaluateImg.
    ignore, crowd: (G,) bool. The detections of all images and classes that come n-th there take their turn together.
    """
    floor = np.minimum(thresholds, 1 - 1e-10)[:, None]  # as pycocotools
    # The turn of a pair: the rank of its detection among those of its image and class that have any pair.
    have, row = np.unique(pairs.detection, return_inverse=True)
    turn = ranks_in_group(detected.rows(have))[row]
    # By turn and detection; within one, what it would rather take comes first.
    order = np.lexsort((-pairs.object, -pairs.iou, ignore[pairs.object], pairs.detection, turn))
    d, g, iou, turn = pairs.detection[order], pairs.object[order], pairs.iou[order], turn[order]
    taken = np.zeros((len(thresholds), len(ignore)), dtype=bool)
    matched = np.full((len(thresholds), len(detected.image)), -1, dtype=np.int64)
    cuts = np.searchsorted(turn, np.arange(turn.max(initial=-1) + 2))
    for a, b in pairwise(cuts):
        free = (iou[a:b] >= floor) & (~taken[:, g[a:b]] | crowd[g[a:b]])  # (T, pairs of this turn)
        # The first free pair of each detection; b - a where it has none.
        start = np.flatnonzero(np.diff(d[a:b], prepend=-1))
        best = np.minimum.reduceat(np.where(free, np.arange(b - a), b - a), start, axis=1)  # (T, detections)
        t, s = np.nonzero(best < b - a)
        objects = g[a:b][best[t, s]]
        taken[t, objects] = True
        matched[t, d[a:b][start[s]]] = objects
    return matched.T


def voc(pairs: Pairs, count: int, ignore: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """matched (D, T) row of the object or -1, ignored (D, T) bool; D = count.

    Each detection goes to the object of highest IoU, the first of equal ones, taken or not: the first detection there
    is right, a later one wrong; one on an ignored object is neither. hit: (P, T) bool, where the IoU suffices.
    """
    order = np.lexsort((pairs.object, -pairs.iou, pairs.detection))
    best = order[np.diff(pairs.detection[order], prepend=-1) != 0]  # (R,) one pair a detection
    d, g, hit = pairs.detection[best], pairs.object[best], hit[best]
    matched = np.full((count, hit.shape[1]), -1, dtype=np.int64)
    ignored = np.zeros((count, hit.shape[1]), dtype=bool)
    ignored[d] = hit & ignore[g, None]
    for t in range(hit.shape[1]):
        counts = np.flatnonzero(hit[:, t] & ~ignore[g])
        objects, first = np.unique(g[counts], return_index=True)
        matched[d[counts[first]], t] = objects
    return matched, ignored


def kept_exactly(score: np.ndarray) -> np.ndarray:
    """(D,) float64 as float32 where that changes none: rounding would tie scores that the protocol told apart."""
    with np.errstate(over="ignore"):
        single = score.astype(np.float32)
    return single if np.array_equal(single, score) else score


def among_counted(matched: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """(D, T) int32: rows of all objects become rows of the `counted` (G,) ones; -1 on one that does not count."""
    row = np.where(counted, np.cumsum(counted) - 1, -1)
    return np.append(row, -1)[matched].astype(np.int32)

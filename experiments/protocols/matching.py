"""Which detection found which object: COCO's rule and VOC's, without a loop over boxes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from experiments.protocols.overlaps import Boxes, Pairs, places


def coco(pairs: Pairs, found: Boxes, ignore: np.ndarray, crowd: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(D, T) row of the object that each detection found, -1: none.

    By falling score, each takes the object of highest IoU that is still free; an ignored one only where no other is
    left; crowds are always free; of equal IoUs the last in the order of the truth. As pycocotools' evaluateImg.
    ignore, crowd: (G,) bool. The detections of all images and classes that come n-th there take their turn together.
    """
    floor = np.minimum(thresholds, 1 - 1e-10)[:, None]  # as pycocotools
    have, row = np.unique(pairs.found, return_inverse=True)
    turn = places(Boxes(found.image[have], found.label[have], found.xywh[have]))[row]
    order = np.lexsort((-pairs.known, -pairs.iou, ignore[pairs.known], pairs.found, turn))
    d, g, iou, turn = pairs.found[order], pairs.known[order], pairs.iou[order], turn[order]
    taken = np.zeros((len(thresholds), len(ignore)), dtype=bool)
    matched = np.full((len(thresholds), len(found.image)), -1, dtype=np.int64)
    cuts = np.searchsorted(turn, np.arange(turn.max(initial=-1) + 2))
    for a, b in pairwise(cuts):
        free = (iou[a:b] >= floor) & (~taken[:, g[a:b]] | crowd[g[a:b]])  # (T, pairs of this turn)
        start = np.flatnonzero(np.diff(d[a:b], prepend=-1))
        best = np.minimum.reduceat(np.where(free, np.arange(b - a), b - a), start, axis=1)  # (T, detections)
        t, s = np.nonzero(best < b - a)
        chosen = g[a:b][best[t, s]]
        taken[t, chosen] = True
        matched[t, d[a:b][start[s]]] = chosen
    return matched.T


def voc(pairs: Pairs, count: int, ignore: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """matched, ignored: (D, T) bool, D = count.

    Each detection goes to the object of highest IoU, the first of equal ones, taken or not: the first detection there
    is right, a later one wrong; one on an ignored object is neither. hit: (P, T) bool, where the IoU suffices.
    """
    order = np.lexsort((pairs.known, -pairs.iou, pairs.found))
    best = order[np.diff(pairs.found[order], prepend=-1) != 0]  # (R,) one pair a detection
    d, g, hit = pairs.found[best], pairs.known[best], hit[best]
    matched, ignored = (np.zeros((count, hit.shape[1]), dtype=bool) for _ in range(2))
    ignored[d] = hit & ignore[g, None]
    for t in range(hit.shape[1]):
        counts = np.flatnonzero(hit[:, t] & ~ignore[g])
        _, first = np.unique(g[counts], return_index=True)
        matched[d[counts[first]], t] = True
    return matched, ignored

"""The pairs of a detection and an object of its image and class that overlap by half or more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from experiments.protocols.interface import THRESHOLDS, Detections, Truth

BLOCK = 2**21  # pairs looked at at once: 16 MiB a column


@dataclass(frozen=True, eq=False)
class BoxColumns:
    """n boxes with the image and class that they belong to."""

    image: np.ndarray  # (n,) rank of the image's id: COCO breaks ties between equal scores by it
    label: np.ndarray  # (n,)
    xywh: np.ndarray  # (n, 4) float64

    def rows(self, index: np.ndarray) -> BoxColumns:
        return BoxColumns(self.image[index], self.label[index], self.xywh[index])


@dataclass(frozen=True, eq=False)
class Pairs:
    """P pairs, by detection and then by object."""

    detection: np.ndarray  # (P,) row of the detection
    object: np.ndarray  # (P,) row of the object
    iou: np.ndarray  # (P,)


def images_by_rank(truth: Truth) -> np.ndarray:
    """(n,) position in the index of the image of each rank: ids rising."""
    return np.argsort(truth.image_ids, kind="stable")


def image_ranks(truth: Truth) -> np.ndarray:
    """(n,) the rank of each image's id."""
    return np.argsort(images_by_rank(truth), kind="stable")


def truth_columns(truth: Truth) -> BoxColumns:
    """(N,) in the truth's order."""
    image = np.repeat(image_ranks(truth), np.diff(truth.offsets))
    exact = getattr(truth, "xywh", None)
    xywh = _xywh(truth.boxes) if exact is None else np.asarray(exact)
    return BoxColumns(image, np.asarray(truth.labels, dtype=np.int64), xywh)


def detection_columns(truth: Truth, detections: Detections) -> tuple[BoxColumns, np.ndarray]:
    """(D,) by class, image and falling score; and their scores, float64."""
    image = image_ranks(truth)[np.asarray(detections.image, dtype=np.int64)]
    score, label = np.asarray(detections.scores, dtype=np.float64), np.asarray(detections.labels, dtype=np.int64)
    order = np.lexsort((-score, image, label))
    return BoxColumns(image, label, _xywh(detections.boxes)).rows(order), score[order]


def ranks_in_group(boxes: BoxColumns) -> np.ndarray:
    """(n,) rank of each row among those of its image and class; boxes sorted by image and class."""
    new = np.ones(len(boxes.image), dtype=bool)
    new[1:] = (np.diff(boxes.image) != 0) | (np.diff(boxes.label) != 0)
    start = np.flatnonzero(new)
    return np.arange(len(new)) - np.repeat(start, np.diff(np.append(start, len(new))))


def overlapping_pairs(
    detected: BoxColumns, truth: BoxColumns, grow: float = 0.0, crowd: np.ndarray | None = None
) -> Pairs:
    """All pairs with IoU >= .5.

    grow: added to every width and height, as tools that count pixels do. crowd: (G,) bool, objects whose overlap is
    divided by the detection's area alone.
    """
    crowd = np.zeros(len(truth.image), dtype=bool) if crowd is None else crowd
    rows = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for d, g in _same_image_and_class(detected, truth):
        # Most pairs do not even share a column of pixels.
        near = _side(detected.xywh[d], truth.xywh[g], 0, grow) > 0
        d, g = d[near], g[near]
        iou = _iou(detected.xywh[d], truth.xywh[g], grow, crowd[g])
        half = iou >= THRESHOLDS[0]
        for column, values in zip(rows, (d, g, iou), strict=True):
            column.append(values[half])
    return Pairs(*map(np.concatenate, rows))


def _same_image_and_class(detected: BoxColumns, truth: BoxColumns) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of both, block by block."""
    # One number for (class, image); the objects sorted by it, each detection finds its run of objects.
    images = 1 + max(detected.image.max(initial=0), truth.image.max(initial=0))
    groups = truth.label * images + truth.image
    order = np.argsort(groups, kind="stable")
    group = detected.label * images + detected.image
    first = np.searchsorted(groups[order], group)
    counts = np.searchsorted(groups[order], group, "right") - first  # objects of each detection
    # Blocks of whole detections, of about BLOCK pairs.
    ends = np.cumsum(counts)
    cuts = np.searchsorted(ends, np.arange(0, counts.sum(), BLOCK), "right")
    for a, b in pairwise([*cuts, len(group)]):
        d = np.repeat(np.arange(a, b), counts[a:b])
        step = np.arange(len(d)) - np.repeat(ends[a:b] - counts[a:b] - (ends[a] - counts[a]), counts[a:b])
        yield d, order[first[d] + step]


def _side(a: np.ndarray, b: np.ndarray, axis: int, grow: float) -> np.ndarray:
    """Of the intersection; negative where there is none. x + w and not x2: to the last bit as pycocotools."""
    end = np.minimum(a[:, axis] + a[:, axis + 2], b[:, axis] + b[:, axis + 2])
    return end - np.maximum(a[:, axis], b[:, axis]) + grow


def _iou(a: np.ndarray, b: np.ndarray, grow: float, crowd: np.ndarray) -> np.ndarray:
    common = _side(a, b, 0, grow) * np.maximum(_side(a, b, 1, grow), 0)
    area_a, area_b = ((box[:, 2] + grow) * (box[:, 3] + grow) for box in (a, b))
    union = np.where(crowd, area_a, area_a + area_b - common)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _xywh(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)

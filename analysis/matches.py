"""AP from the stored matches of a run, for many draws of its images at once; no ground truth, no boxes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.records.run_folder import RecordError, is_whole_zip

STEPS = {"coco": 100, "height": 100, "voc07": 10, "voc10": 0}  # protocol -> steps of recall; 0: area under the curve
BLOCK = 2**22  # numbers of one array: 16 MiB in float32
INTEGERS = 2**24  # below it float32 counts exactly


@dataclass(frozen=True, eq=False)
class Matches:
    """D detections that count, best first in each class, and how many objects each image holds."""

    image: np.ndarray  # (D,) position in the set
    label: np.ndarray  # (D,)
    matched: np.ndarray  # (D, T) bool
    ignored: np.ndarray  # (D, T) bool: neither right nor wrong
    truth_image: np.ndarray  # (G,)
    truth_label: np.ndarray  # (G,)
    images: int  # V


def load(path: Path) -> Matches:
    """Raises RecordError for a file that is missing, damaged, or not what evaluation writes."""
    try:
        if not is_whole_zip(path):
            raise ValueError("it is damaged")
        with np.load(path, allow_pickle=False) as file:
            read = {name: file[name] for name in file.files}
        order = np.lexsort((read["image"], -read["score"].astype(np.float64)))
        rows = {name: read[name][order] for name in ("image", "label", "matched", "ignored")}
        truth = {name: read[name].astype(np.int64) for name in ("truth_image", "truth_label")}
        found = Matches(**rows, **truth, images=int(read["images"]))
    except OSError as error:
        raise RecordError(f"Cannot read the matches {path}: {error.strerror or error}.") from None
    except Exception as error:  # zipfile and numpy raise a dozen kinds for a damaged file
        raise RecordError(f"Cannot read the matches {path}: {error}.") from None
    _check(found, path)
    return found


def _check(m: Matches, path: Path) -> None:
    positions = np.concatenate([m.image, m.truth_image])
    whole = m.matched.ndim == 2 and m.matched.shape == m.ignored.shape and m.matched.shape[0] == len(m.image)
    if not whole or m.matched.dtype != bool or m.ignored.dtype != bool or len(m.label) != len(m.image):
        raise RecordError(f"Cannot read the matches {path}: its arrays do not fit together.")
    if len(m.truth_image) != len(m.truth_label) or (positions < 0).any():
        raise RecordError(f"Cannot read the matches {path}: its objects do not fit together.")
    if m.images < 1 or (positions >= m.images).any():
        raise RecordError(f"Cannot read the matches {path}: it names an image beyond its {m.images}.")


def ap(matches: Matches, weights: np.ndarray, protocol: str) -> np.ndarray:
    """AP in each draw, (R,), fractions of 1; NaN where a draw holds no object. Mean over classes with objects, and T.

    weights (V, R) float32: how often a draw holds each image. A draw of every image once is the protocol's own AP.
    Raises KeyError for a protocol that is not in STEPS.
    """
    total = np.zeros((2, weights.shape[1]))  # sum over the classes, and their number
    for label in np.unique(matches.truth_label):
        total += _class(matches, label, weights, STEPS[protocol])
    with np.errstate(invalid="ignore"):
        return total[0] / total[1]


def _class(m: Matches, label: int, weights: np.ndarray, steps: int) -> np.ndarray:
    """(2, R): AP of one class, mean over T, and whether a draw holds an object of it."""
    rows = m.label == label
    image, matched, ignored = m.image[rows], m.matched[rows], m.ignored[rows]
    objects = np.bincount(m.truth_image[m.truth_label == label], minlength=m.images).astype(np.float32)
    parts = []
    for block in np.array_split(weights, max(1, -(-len(image) * weights.shape[1] // BLOCK)), axis=1):
        positives = objects @ block  # (r,)
        drawn = block[image]  # (Dk, r)
        every = _sums(drawn)
        curves = []
        for t in range(matched.shape[1]):
            count = ~ignored[:, t]
            hit = np.flatnonzero(matched[:, t] & count)
            seen = every[hit] if count.all() else _sums(drawn * count[:, None])[hit]
            curves.append(_area(_sums(drawn[hit]), seen, positives, steps))
        parts.append(np.stack([np.mean(curves, axis=0), positives > 0]))
    return np.concatenate(parts, axis=1)


def _sums(x: np.ndarray) -> np.ndarray:
    """Running sums from the best detection on, exact."""
    return np.cumsum(x, axis=0, dtype=np.float32 if x.shape[0] * 4 < INTEGERS else np.float64)


def _area(hits: np.ndarray, seen: np.ndarray, positives: np.ndarray, steps: int) -> np.ndarray:
    """(H, r) running numbers of hits and of detections at each hit, (r,) objects -> (r,) AP of one threshold."""
    if len(hits) == 0:
        return np.zeros(len(positives))
    n = np.maximum(positives, 1).astype(np.float64)
    # Precision falls between two hits, so its running maximum from the right needs the hits alone.
    precision = hits / np.maximum(seen, 1)
    envelope = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    if steps == 0:
        return (envelope * np.diff(hits, axis=0, prepend=0)).sum(0) / n
    reached = _reached(hits, n, steps)  # (H, r) thresholds of recall at or below each hit, without the one at 0
    return (envelope[0] + (envelope * np.diff(reached, axis=0, prepend=0)).sum(0)) / (steps + 1)


def _reached(hits: np.ndarray, n: np.ndarray, steps: int) -> np.ndarray:
    exact = hits * (steps / n)
    reached = np.floor(exact + 1e-6)  # recalls are multiples of 1 / n, far coarser
    # linspace rounds some thresholds above their decimal: there the protocol's comparison misses an equal recall.
    grid = np.linspace(0, 1, steps + 1)
    late = grid > np.arange(steps + 1) / steps
    tied = np.abs(exact - reached) < 1e-6
    return reached - (tied & late[np.clip(reached, 0, steps).astype(np.intp)])

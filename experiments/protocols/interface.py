"""What passes between the evaluation and its protocols: truth and detections in, scores and matches out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from experiments.records.run_folder import RecordError, is_whole_zip, write_atomic

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # IoU, as pycocotools spaces them
HALF, THREE_QUARTERS = 0, 5  # positions of .5 and .75 in it
MAIN = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of every protocol; None where it has none


class Truth(Protocol):
    """n images and N boxes in flat arrays; `data.index.Index` is one.

    Optional: `areas` (N,) px^2 for COCO's area ranges (its own are of the segmentation). None or absent: the box's.
    """

    paths: Sequence[str]  # (n,) of the image files; only WIDER FACE's lists need them
    image_ids: np.ndarray  # (n,)
    offsets: np.ndarray  # (n + 1,)
    boxes: np.ndarray  # (N, 4) x1 y1 x2 y2, 0-based, continuous
    labels: np.ndarray  # (N,)
    ignore: np.ndarray  # (N,) bool: COCO's crowd, VOC's difficult
    classes: tuple[str, ...]
    small_medium: tuple[float, float]  # px^2, bounds of small/medium and medium/large


class Arrays:
    """A dataclass of arrays, one file of them: no pickle, replaced whole or not at all."""

    def save(self, path: Path) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, **{name: np.asarray(array) for name, array in vars(self).items()})
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises RecordError for a file that cannot be read."""
        try:
            if not is_whole_zip(path):
                raise ValueError("it is damaged")
            with np.load(path, allow_pickle=False) as file:
                return cls(*(file[field.name] for field in fields(cls)))
        except Exception as error:  # zipfile and numpy raise a dozen kinds for a damaged file
            raise RecordError(f"Cannot read {path}: {error}.") from None


@dataclass(frozen=True, eq=False)
class Detections(Arrays):
    """D detections, in pixels of the original images."""

    image: np.ndarray  # (D,) position in the index, not COCO's id
    boxes: np.ndarray  # (D, 4) float32 x1 y1 x2 y2
    labels: np.ndarray  # (D,)
    scores: np.ndarray  # (D,)


@dataclass(frozen=True, eq=False)
class Matches(Arrays):
    """Which of D detections found one of G objects at T IoU thresholds: AP without the ground truth.

    Rows go by class, image and falling score; a stable sort by score breaks ties as the protocol does.
    """

    image: np.ndarray  # (D,) int32 position in the index
    label: np.ndarray  # (D,) int32
    score: np.ndarray  # (D,) float32
    matched: np.ndarray  # (D, T) bool
    ignored: np.ndarray  # (D, T) bool: neither right nor wrong
    thresholds: np.ndarray  # (T,)
    truth_image: np.ndarray  # (G,) int32, objects that count
    truth_label: np.ndarray  # (G,) int32
    images: np.ndarray  # () how many images there are


@dataclass(frozen=True)
class Scores:
    """Fractions of 1; None where there is no ground truth or the protocol has no such figure."""

    figures: dict[str, float | None]  # MAIN, then the protocol's own
    per_class: dict[str, float | None]  # AP
    matches: Matches = field(compare=False, repr=False)


def mean(values: Sequence[float | None]) -> float | None:
    """Of the values that there are."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None

"""What passes between the evaluation and its protocols: truth and detections in, scores and matches out."""

from __future__ import annotations

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.protocols.detections import Detections
from experiments.records.arrays import Matches
from experiments.records.schema import ProtocolRecord

THRESHOLDS = np.linspace(0.5, 0.95, 10)  # IoU, as pycocotools spaces them
HALF, THREE_QUARTERS = 0, 5  # positions of .5 and .75 in it


class Truth(typing.Protocol):
    """n images and N boxes in flat arrays; `data.index.Index` is one.

    Optional: `areas` (N,) px^2 for COCO's area ranges (its own are of the segmentation), and `xywh` (N, 4) float64, the
    boxes to the last bit as their file has them. None or absent: of `boxes`.
    """

    paths: Sequence[str]  # (n,) of the image files; only WIDER FACE's lists need them
    image_ids: np.ndarray  # (n,)
    offsets: np.ndarray  # (n + 1,)
    boxes: np.ndarray  # (N, 4) x1 y1 x2 y2, 0-based, continuous
    labels: np.ndarray  # (N,)
    ignore: np.ndarray  # (N,) bool: COCO's crowd, VOC's difficult
    classes: tuple[str, ...]
    small_medium: tuple[float, float]  # px^2, bounds of small/medium and medium/large


@dataclass(frozen=True)
class Scores:
    """Fractions of 1; None where there is no ground truth or the protocol has no such metric."""

    metrics: dict[str, float | None]  # METRICS, then the protocol's own
    per_class: dict[str, float | None]  # AP
    matches: Matches = field(compare=False, repr=False)
    by_size: tuple[Matches, ...] = field(default=(), compare=False, repr=False)  # of SIZE_METRICS, where it has them


@dataclass(frozen=True)
class Protocol:
    """A way to score detections. A new one is a file with one of these, and its line in registry.py."""

    name: str
    rule: Callable[[Truth, Detections, int, str], Scores]  # truth, detections, detections an image, engine
    by_size: bool  # it has APs, APm and APl
    recall_points: int | None  # of interpolated AP; 0: area under the curve; None: AP is not of precision at recalls
    score_steps: int = 0  # see ProtocolRecord
    engine: str = ""  # what computes it; "": the recipe's choice of test.evaluator

    def evaluate(self, truth: Truth, detections: Detections, per_image: int, engine: str) -> Scores:
        """The rule on checked input. Raises UserError for a detection that cannot be scored."""
        detections.check(len(truth.image_ids), len(truth.classes))
        return self.rule(truth, detections, per_image, engine)

    @property
    def record(self) -> ProtocolRecord:
        return ProtocolRecord(
            name=self.name, by_size=self.by_size, recall_points=self.recall_points, score_steps=self.score_steps
        )


def mean_known(values: Sequence[float | None]) -> float | None:
    """Mean of the values that are not None; None where there are none."""
    known_values = [value for value in values if value is not None]
    return float(np.mean(known_values)) if known_values else None

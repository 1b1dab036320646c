"""Inputs of the benchmarks: random objects and random head outputs at 800 x 1344."""

from __future__ import annotations

from assigners.assigner import Assigner
from assigners.interface import HeadSpec, Objects
from detector.predictions import DensePredictions
from experiments.conformance.scenes import LARGE, random_boxes, random_predictions, to_objects

HEIGHT, WIDTH = LARGE
WIDTH_OF_PYRAMID = 256  # channels, as ResNet-50's here and what a method is built for by default


def bench_objects(n: int, classes: int, low: float, high: float) -> Objects:
    """n boxes of low..high px side in one image."""
    return to_objects(random_boxes(n, low, high, LARGE), classes=classes)


def bench_predictions(spec: HeadSpec, classes: int, logit: float = -4.0) -> DensePredictions:
    """Of one image; logit: mean of the class logits, -4 as in training."""
    return random_predictions(spec, 1, LARGE, classes, logit=logit, channels=WIDTH_OF_PYRAMID)


def loss_step(assigner: Assigner, preds: DensePredictions, batch: Objects) -> None:
    """Assignment and loss, forward and backward."""
    terms, _ = assigner(preds, batch)
    sum(terms.values()).backward()

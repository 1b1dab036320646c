"""Boxes from the numbers of the box branch, and back. A coder knows anchors and strides, and no grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import ClassVar

import torch
from torch import Tensor

from assigners.geometry import center, ltrb
from assigners.interface import HeadSpec

MAX_LOG_RATIO = log(1000 / 16)  # of a side to its prior's; Fast R-CNN's convention
MAX_LOG_DISTANCE = log(2**16)  # pixels; beyond any image
UNIT = 4.0  # of ltrb4, strides; FSAF's normaliser
LEAST = 1e-4  # distance of ltrb4, in its unit: FSAF's boxes always have an area


@dataclass(frozen=True)
class LtrbCoder:
    """Distances of the anchor's centre to the four edges, in strides; never negative. FCOS* (normalised targets)."""

    scaled: ClassVar[bool] = True  # the head multiplies the output by a learned factor of each level

    def start(self, distance: float) -> float:
        """The output of an untrained head whose boxes reach `distance` strides."""
        return distance

    def decode(self, anchors: Tensor, stride: Tensor, raw: Tensor) -> Tensor:
        """anchors (M, 4) px, stride (M, 1) px, raw (M, 4) -> boxes (M, 4) px."""
        return _around(center(anchors), raw.relu() * stride)

    def encode(self, anchors: Tensor, stride: Tensor, boxes: Tensor) -> Tensor:
        """The inverse, for boxes around their points."""
        return ltrb(center(anchors), boxes) / stride

    def activate(self, raw: Tensor) -> Tensor:
        """The output in the space of `encode`."""
        return raw.relu()


@dataclass(frozen=True)
class Ltrb4Coder:
    """Distances in four strides, at least 1e-4 of that, at test too; no factor of a level. FSAF, SAPD."""

    scaled: ClassVar[bool] = False

    def start(self, distance: float) -> float:
        """As LtrbCoder."""
        return distance / UNIT

    def decode(self, anchors: Tensor, stride: Tensor, raw: Tensor) -> Tensor:
        """anchors (M, 4) px, stride (M, 1) px, raw (M, 4) -> boxes (M, 4) px."""
        return _around(center(anchors), self.activate(raw) * (UNIT * stride))

    def encode(self, anchors: Tensor, stride: Tensor, boxes: Tensor) -> Tensor:
        """The inverse, for boxes around their points."""
        return ltrb(center(anchors), boxes) / (UNIT * stride)

    def activate(self, raw: Tensor) -> Tensor:
        """The output in the space of `encode`."""
        return raw.clamp(min=LEAST)


@dataclass(frozen=True)
class ExpCoder:
    """Logarithms of the distances in pixels. FCOS in its original form."""

    scaled: ClassVar[bool] = True

    def start(self, distance: float) -> float:
        """0, a pixel: a distance in strides differs from level to level, and they share the output."""
        return 0.0

    def decode(self, anchors: Tensor, stride: Tensor, raw: Tensor) -> Tensor:
        """anchors (M, 4) px, stride unused, raw (M, 4) -> boxes (M, 4) px."""
        return _around(center(anchors), raw.clamp(max=MAX_LOG_DISTANCE).exp())

    def encode(self, anchors: Tensor, stride: Tensor, boxes: Tensor) -> Tensor:
        """The inverse; edges that are not beyond the point count as 1e-6 px from it."""
        return ltrb(center(anchors), boxes).clamp(min=1e-6).log()

    def activate(self, raw: Tensor) -> Tensor:
        """The output in the space of `encode`."""
        return raw


@dataclass(frozen=True)
class DeltaCoder:
    """Shift and log-scale relative to the anchor, times weights. Ren et al. 2015."""

    weights: tuple[float, float, float, float]
    scaled: ClassVar[bool] = False

    def start(self, distance: float) -> float:
        """0: the anchor itself."""
        return 0.0

    def decode(self, anchors: Tensor, stride: Tensor, raw: Tensor) -> Tensor:
        """anchors (M, 4) px, stride unused, raw (M, 4) -> boxes (M, 4) px."""
        size = anchors[:, 2:] - anchors[:, :2]
        delta = raw / self._weights(raw)
        middle = center(anchors) + delta[:, :2] * size
        half = delta[:, 2:].clamp(max=MAX_LOG_RATIO).exp() * size / 2
        return torch.cat((middle - half, middle + half), 1)

    def encode(self, anchors: Tensor, stride: Tensor, boxes: Tensor) -> Tensor:
        """The inverse; boxes without area count as 1e-6 px wide."""
        size, target = anchors[:, 2:] - anchors[:, :2], (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6)
        delta = torch.cat(((center(boxes) - center(anchors)) / size, (target / size).log()), 1)
        return delta * self._weights(delta)

    def activate(self, raw: Tensor) -> Tensor:
        """The output in the space of `encode`."""
        return raw

    def _weights(self, like: Tensor) -> Tensor:
        """(4,), copied to the device without a wait."""
        return torch.tensor(self.weights, dtype=like.dtype).to(like.device, non_blocking=True)


def _around(points: Tensor, reach: Tensor) -> Tensor:
    """Points (M, 2), distances (M, 4) to the left, top, right and bottom -> boxes (M, 4)."""
    return torch.cat((points - reach[:, :2], points + reach[:, 2:]), 1)


def coder(spec: HeadSpec) -> LtrbCoder | Ltrb4Coder | ExpCoder | DeltaCoder:
    """The coder that a head asks for."""
    plain = {"ltrb": LtrbCoder(), "ltrb4": Ltrb4Coder(), "exp": ExpCoder()}
    return plain.get(spec.coder) or DeltaCoder(spec.delta_weights)

"""Boxes from the numbers of the box branch, and back. A coder knows anchors and strides, and no grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from assigners.geometry import center, ltrb
from assigners.interface import HeadSpec

MAX_LOG_RATIO = log(1000 / 16)  # of a side to its prior's; Fast R-CNN's convention


@dataclass(frozen=True)
class LtrbCoder:
    """Distances of the anchor's centre to the four edges, in strides; never negative. FCOS* (normalised targets)."""

    def decode(self, anchors: Tensor, stride: Tensor, raw: Tensor) -> Tensor:
        """anchors (M, 4) px, stride (M, 1) px, raw (M, 4) -> boxes (M, 4) px."""
        reach = raw.relu() * stride
        points = center(anchors)
        return torch.cat((points - reach[:, :2], points + reach[:, 2:]), 1)

    def encode(self, anchors: Tensor, stride: Tensor, boxes: Tensor) -> Tensor:
        """The inverse, for boxes around their points."""
        return ltrb(center(anchors), boxes) / stride

    def activate(self, raw: Tensor) -> Tensor:
        """The output in the space of `encode`."""
        return raw.relu()


@dataclass(frozen=True)
class DeltaCoder:
    """Shift and log-scale relative to the anchor, times weights. Ren et al. 2015."""

    weights: tuple[float, float, float, float]

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


def coder(spec: HeadSpec) -> LtrbCoder | DeltaCoder:
    """The coder that a head asks for."""
    return {"ltrb": LtrbCoder(), "delta": DeltaCoder(spec.delta_weights)}[spec.coder]

"""Boxes as x1 y1 x2 y2 in pixels; every function works on the last axis and broadcasts over the rest."""

from __future__ import annotations

import torch
from torch import Tensor


def area(boxes: Tensor) -> Tensor:
    """(..., 4) -> (...,) px^2."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def center(boxes: Tensor) -> Tensor:
    """(..., 4) -> (..., 2) px."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def ltrb(points: Tensor, boxes: Tensor) -> Tensor:
    """Distances (..., 2), (..., 4) -> (..., 4) from a point to the left, top, right and bottom edge; px."""
    return torch.cat((points - boxes[..., :2], boxes[..., 2:] - points), -1)


def centerness(distances: Tensor) -> Tensor:
    """(..., 4) ltrb -> (...,) in [0, 1]; 0 outside. FCOS equation 3."""
    left, top, right, bottom = distances.clamp(min=0).unbind(-1)
    horizontal = torch.minimum(left, right) / torch.maximum(left, right).clamp(min=1e-12)
    vertical = torch.minimum(top, bottom) / torch.maximum(top, bottom).clamp(min=1e-12)
    return (horizontal * vertical).sqrt()


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection and union of paired boxes, px^2."""
    corner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inter = corner.clamp(min=0).prod(-1)
    return inter, area(a) + area(b) - inter


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of paired boxes, (..., 4), (..., 4) -> (...,); 0 for two boxes without area."""
    inter, union = overlap(a, b)
    return inter / union.clamp(min=1e-12)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of paired boxes, in [-1, 1]. Rezatofighi et al. 2019."""
    inter, union = overlap(a, b)
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1)
    return inter / union.clamp(min=1e-12) - (hull - union) / hull.clamp(min=1e-12)

"""Boxes as x1 y1 x2 y2 in pixels; every function works on the last axis and broadcasts over the rest."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

EPS = 1e-12  # px^2, under a division; far below a float32 of any box


def area(boxes: Tensor) -> Tensor:
    """(..., 4) -> (...,) px^2."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def prior_shapes(scales: tuple[float, ...], ratios: tuple[float, ...], base: float) -> Tensor:
    """(A, 2) width and height of the priors of a cell, in units of `base`'s, ratio by ratio; ratio: height / width."""
    scale, ratio = torch.tensor(scales)[None], torch.tensor(ratios)[:, None]
    return torch.stack(((base * scale / ratio.sqrt()).flatten(), (base * scale * ratio.sqrt()).flatten()), -1)


def center(boxes: Tensor) -> Tensor:
    """(..., 4) -> (..., 2) px."""
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def ltrb(points: Tensor, boxes: Tensor) -> Tensor:
    """Distances (..., 2), (..., 4) -> (..., 4) from a point to the left, top, right and bottom edge; px."""
    return torch.cat((points - boxes[..., :2], boxes[..., 2:] - points), -1)


def centerness(distances: Tensor) -> Tensor:
    """(..., 4) ltrb -> (...,) in [0, 1]; 0 outside. FCOS equation 3."""
    l, t, r, b = distances.clamp(min=0).unbind(-1)  # noqa: E741
    horizontal = torch.minimum(l, r) / torch.maximum(l, r).clamp(min=EPS)
    vertical = torch.minimum(t, b) / torch.maximum(t, b).clamp(min=EPS)
    return (horizontal * vertical).sqrt()


def intersection_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas that paired boxes share and cover, px^2."""
    corner = torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])
    inter = corner.clamp(min=0).prod(-1)
    return inter, area(a) + area(b) - inter


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of paired boxes, (..., 4), (..., 4) -> (...,); 0 for two boxes without area."""
    inter, union = intersection_union(a, b)
    return inter / union.clamp(min=EPS)


def scaled(boxes: Tensor, by: float) -> Tensor:
    """(..., 4) -> (..., 4) px, about the centre."""
    middle, half = center(boxes), (boxes[..., 2:] - boxes[..., :2]) / 2 * by
    return torch.cat((middle - half, middle + half), -1)


def covered(boxes: Tensor, by: Tensor) -> Tensor:
    """Share of the area of boxes that paired others cover, (..., 4), (..., 4) -> (...,)."""
    return intersection_union(boxes, by)[0] / area(boxes).clamp(min=EPS)


def hull(a: Tensor, b: Tensor) -> Tensor:
    """(..., 2) width and height of the smallest box around both, px."""
    return torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU of paired boxes, in [-1, 1]. Rezatofighi et al. 2019."""
    inter, union = intersection_union(a, b)
    around = hull(a, b).prod(-1)
    return inter / union.clamp(min=EPS) - (around - union) / around.clamp(min=EPS)


def diou(a: Tensor, b: Tensor) -> Tensor:
    """IoU less the squared distance of the centres over the squared diagonal of the hull. Zheng et al. 2020."""
    distance = (center(a) - center(b)).square().sum(-1)
    return iou(a, b) - distance / hull(a, b).square().sum(-1).clamp(min=EPS)


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """DIoU less alpha v, v the difference of the aspect ratios; alpha carries no gradient. Zheng et al. 2020."""
    v = 4 / pi**2 * (_slope(b) - _slope(a)).square()
    with torch.no_grad():
        alpha = v / (1 - iou(a, b) + v).clamp(min=EPS)
    return diou(a, b) - alpha * v


def _slope(boxes: Tensor) -> Tensor:
    """(..., 4) -> (...,) arctan of width over height, radians."""
    width, height = (boxes[..., 2:] - boxes[..., :2]).unbind(-1)
    return (width / height.clamp(min=1e-7)).atan()  # 1e-7 px: a flat box still has a finite gradient

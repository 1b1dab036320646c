"""What the oracles share: decoding, overlaps and losses, written out in float64; no fast code is used here.

Sources: methods.md sections 0 (notation), 1.2 (stable logs), 2 and 5 (deltas, smooth L1), 3 (focal, centre-ness).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, logsigmoid

from assigners.interface import Grid, Objects


@dataclass
class Raw:
    """Outputs of a head before any decoding, and the parameters of AutoAssign and SAPD."""

    logits: Tensor  # (P, K)
    deltas: Tensor  # (P, 4)
    objectness: Tensor | None  # (P,) logits
    quality: Tensor | None  # (P,) logits
    mu: Tensor | None = None  # (K, 2) or (1, 2)
    sigma: Tensor | None = None
    location: Tensor | None = None  # (P,) logits
    shape: Tensor | None = None  # (P, 2), log of width and height
    features: Tensor | None = None  # (B, C, p) of the pyramid, its levels in a row
    net: Tensor | None = None  # all weights of SAPD's net in a row

    def leaves(self, dtype: torch.dtype) -> Raw:
        """A copy whose tensors are leaves that collect gradients."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return Raw(**{k: v if v is None else v.detach().to(dtype).clone().requires_grad_() for k, v in values.items()})


@dataclass
class Result:
    """Pairs with (w+, w-), the loss terms, the priors without class term; `unsure` holds undecidable pairs."""

    pairs: dict[tuple[int, int], tuple[float, float]]
    terms: dict[str, Tensor]
    ignore: set[int] = field(default_factory=set)
    unsure: set[tuple[int, int]] = field(default_factory=set)


def contains(box: list[float], x: float, y: float) -> bool:
    """Strictly inside."""
    return box[0] < x < box[2] and box[1] < y < box[3]


def inside(grid: Grid, box: list[float]) -> list[int]:
    """Priors of one image whose centre is strictly inside the box."""
    return [i for i, (x, y) in enumerate(grid.centers.tolist()) if contains(box, x, y)]


def weighed(pairs: dict[tuple[int, int], tuple[float, float]]) -> set[int]:
    """Priors with a pair that says more than one that is not listed, whose w+ is 0 and w- is 1."""
    return {i for (i, _), (plus, minus) in pairs.items() if plus > 0 or minus < 1}


def crowd(grid: Grid, objects: Objects, listed: set[int]) -> set[int]:
    """Priors inside an ignore region of their image and not among `listed`."""
    covered = set()
    for box, image in zip(objects.ignore.tolist(), objects.ignore_image.tolist(), strict=True):
        covered |= {image * grid.size + i for i in inside(grid, box)}
    return covered - listed


def decode_ltrb(grid: Grid, images: int, raw: Tensor) -> Tensor:
    """Section 1.4: distances are relu(raw) * stride, from the point; (P, 4) -> (P, 4) px."""
    points, stride = grid.centers.double().repeat(images, 1), grid.stride.double().repeat(images)[:, None]
    distance = raw.clamp(min=0) * stride
    return torch.cat((points - distance[:, :2], points + distance[:, 2:]), 1)


def decode_delta(grid: Grid, images: int, raw: Tensor, weights: tuple[float, ...]) -> Tensor:
    """The R-CNN coder, with the usual limit of a growth by 1000 / 16."""
    prior = grid.boxes.double().repeat(images, 1)
    size, middle = prior[:, 2:] - prior[:, :2], (prior[:, 2:] + prior[:, :2]) / 2
    delta = raw / torch.tensor(weights, dtype=torch.float64)
    middle = middle + delta[:, :2] * size
    size = size * delta[:, 2:].clamp(max=math.log(1000 / 16)).exp()
    return torch.cat((middle - size / 2, middle + size / 2), 1)


def encode(prior: Tensor, box: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Inverse of decode_delta; (M, 4), (M, 4) -> (M, 4)."""
    prior, box = prior.double(), box.double()
    old, new = prior[:, 2:] - prior[:, :2], box[:, 2:] - box[:, :2]
    shift = ((box[:, 2:] + box[:, :2]) - (prior[:, 2:] + prior[:, :2])) / 2 / old
    return torch.cat((shift, (new / old).log()), 1) * torch.tensor(weights, dtype=torch.float64)


def smooth_l1(error: Tensor, beta: float) -> Tensor:
    """(M, 4) -> (M,), summed over the four numbers."""
    size = error.abs()
    return torch.where(size < beta, size**2 / (2 * beta), size - beta / 2).sum(1)


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and GIoU of paired boxes, (M, 4), (4,) or (M, 4) -> (M,), (M,)."""
    ax, ay, az, aw = a.unbind(-1)
    bx, by, bz, bw = b.unbind(-1)
    width = (torch.minimum(az, bz) - torch.maximum(ax, bx)).clamp(min=0)
    height = (torch.minimum(aw, bw) - torch.maximum(ay, by)).clamp(min=0)
    inter = width * height
    union = (az - ax) * (aw - ay) + (bz - bx) * (bw - by) - inter
    hull = (torch.maximum(az, bz) - torch.minimum(ax, bx)) * (torch.maximum(aw, bw) - torch.minimum(ay, by))
    iou = inter / union.clamp(min=1e-12)
    return iou, iou - (hull - union) / hull.clamp(min=1e-12)


def log_probs(raw: Raw, implicit: bool) -> tuple[Tensor, Tensor]:
    """log p and log(1 - p), (P, K); p = sigma(class), times sigma(objectness) where implicit. Section 19."""
    if not implicit:
        return logsigmoid(raw.logits), logsigmoid(-raw.logits)
    log_p = logsigmoid(raw.logits) + logsigmoid(raw.objectness)[:, None]
    return log_p, (-torch.expm1(log_p)).log()


def bag_loss(weight: Tensor, prob: Tensor) -> Tensor:
    """BCE(B, 1) of B = sum w P, as PyTorch has it (1.2 step 6): 100 for B = 0, and a gradient limited to 1e12."""
    bag = (weight * prob).sum().clamp(0, 1)
    return binary_cross_entropy(bag, torch.ones_like(bag))


def focal(raw: Raw, implicit: bool, positive: dict[int, int], ignore: set[int]) -> Tensor:
    """Sum of the sigmoid focal loss, alpha 0.25 and gamma 2; `positive` maps a prior to its class. Section 2."""
    log_p, log_q = log_probs(raw, implicit)
    target, keep = torch.zeros_like(log_p), torch.ones(len(log_p), 1, dtype=torch.float64)
    for prior, label in positive.items():
        target[prior, label] = 1
    for prior in ignore:
        keep[prior] = 0
    loss = -0.25 * target * log_q.exp() ** 2 * log_p - 0.75 * (1 - target) * log_p.exp() ** 2 * log_q
    return (loss * keep).sum()


def down_weighted(raw: Raw, implicit: bool, table: dict[tuple[int, int], float], ignore: set[int]) -> Tensor:
    """Sum of p^2 (-log(1 - p)) with p times w- of (prior, class), 1 where not in the table. Section 1.2, step 8."""
    weight, keep = torch.ones_like(raw.logits), torch.ones(len(raw.logits), 1, dtype=torch.float64)
    for (prior, label), value in table.items():
        weight[prior, label] = value
    for prior in ignore:
        keep[prior] = 0
    p = log_probs(raw, implicit)[0].exp() * weight
    return (p**2 * -torch.log1p(-p) * keep).sum()

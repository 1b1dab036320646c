"""Oracle of Noisy Anchors: methods.md section 17."""

from __future__ import annotations

import torch
from torch import Tensor

from assigners.geometry import iou
from assigners.interface import Grid, Objects
from tests.oracles.common import Raw, Result, crowd, decode_delta, encode, log_probs, overlaps, smooth_l1

WEIGHTS = (1.0, 1.0, 1.0, 1.0)


def match(grid: Grid, objects: Objects) -> list[tuple[int, int]]:
    """(location, object) once for each object that lists the anchor; IoU in float32, ties to the lowest index."""
    listed = []
    for image in range(objects.images):
        of_image = (objects.image == image).nonzero()[:, 0].tolist()
        table = {n: iou(grid.boxes, objects.boxes[n]).tolist() for n in of_image}
        for n in of_image:
            touched = [i for i in range(grid.size) if table[n][i] > 0]
            for i in sorted(touched, key=lambda i: (-table[n][i], i))[:30]:
                owner = max(of_image, key=lambda m: (table[m][i], -m))
                listed.append((image * grid.size + i, owner))
    return listed


def mixed(a: Tensor, p: Tensor) -> Tensor:
    """0.75 a / mean(a) + 0.25 p / mean(p)"""
    return 0.75 * a / a.mean().clamp(min=1e-12) + 0.25 * p / p.mean().clamp(min=1e-12)


def cleanliness(a: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """t and r of all listed anchors of one image, one that is listed twice standing there twice."""
    c, m = mixed(a, p), a.mean()
    t = m + (1 - m) * (c - c.min()) / (c.max() - c.min()).clamp(min=1e-12)
    return t, mixed(1 / (1 - a).clamp(min=1e-6), 1 / (1 - p).clamp(min=1e-6))


def kept(weighted: Tensor, plain: Tensor) -> Tensor:
    """The sum of the weighted losses, scaled to the plain sum without gradient."""
    total = (weighted.sum()).detach()
    return weighted.sum() * (plain.sum().detach() / total if total > 0 else 1)


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """The first step of a training: 100 positives at momentum 0.9."""
    listed, labels = match(grid, objects), objects.labels.tolist()
    log_p, log_q = log_probs(raw, implicit)
    decoded = decode_delta(grid, objects.images, raw.deltas, WEIGHTS).detach()
    target, weight, pairs = torch.zeros_like(log_p), torch.ones(len(log_p), dtype=torch.float64), {}
    for image in range(objects.images):
        loc = [i for i, _ in listed if i // grid.size == image]
        gt = [n for i, n in listed if i // grid.size == image]
        if loc:
            a = overlaps(decoded[loc], objects.boxes[gt].double())[0]
            t, r = cleanliness(a, log_p[loc, [labels[n] for n in gt]].exp().detach())
            for i, n, value, factor in zip(loc, gt, t.tolist(), r.tolist(), strict=True):
                target[i, labels[n]], weight[i], pairs[i, n] = value, factor, (factor, 1 - value)
    ignore = crowd(grid, objects, {i for i, _ in listed})
    keep = torch.tensor([i not in ignore for i in range(len(log_p))], dtype=torch.float64)
    halves = target * log_q.exp() ** 2 * log_p + (1 - target) * log_p.exp() ** 2 * log_q
    loss = -0.5 * halves * keep[:, None]
    prior, gt = [i for i, _ in pairs], [n for _, n in pairs]
    goal = encode(grid.boxes[[i % grid.size for i in prior]], objects.boxes[gt], WEIGHTS)
    box = smooth_l1(raw.deltas[prior] - goal, 0.1)
    z = max(1.0, 0.9 * 100 + 0.1 * len(pairs))
    terms = {"cls": kept(loss * weight[:, None], loss) / z, "box": kept(box * weight[prior], box) / z}
    return Result(pairs, terms, ignore)

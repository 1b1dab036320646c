"""Oracle of FreeAnchor: methods.md section 5."""

from __future__ import annotations

import torch
from torch import Tensor

from assigners.geometry import iou
from assigners.interface import Grid, Objects
from tests.oracles.common import (
    Raw,
    Result,
    bag_loss,
    crowd,
    decode_delta,
    down_weighted,
    encode,
    log_probs,
    overlaps,
    smooth_l1,
    weighed,
)

WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def bag(grid: Grid, box: Tensor) -> list[int]:
    """The top 50 anchors of the image by IoU, among those that overlap; IoU in float32, ties to the lowest index."""
    values = iou(grid.boxes, box).tolist()
    return sorted((i for i in range(grid.size) if values[i] > 0), key=lambda i: (-values[i], i))[:50]


def object_box(decoded: Tensor, box: Tensor) -> Tensor:
    """(p, 4), (4,) -> (p,) s, the ramp from IoU 0.6 to the best IoU of the object; no gradient."""
    with torch.no_grad():
        value = overlaps(decoded, box)[0]
        top = value.max().clamp(min=0.6 + 1e-12)
        return ((value - 0.6) / (top - 0.6)).clamp(0, 1)


def oracle(grid: Grid, objects: Objects, raw: Raw, implicit: bool = False) -> Result:
    """Mean-max bag loss (0.5) and the focal-like negative loss (0.5) on p (1 - P(A+))."""
    p, pairs, table = grid.size, {}, {}
    log_p = log_probs(raw, implicit)[0]
    decoded = decode_delta(grid, objects.images, raw.deltas, WEIGHTS)
    pos = raw.logits.sum() * 0
    for n, (label, image) in enumerate(zip(objects.labels.tolist(), objects.image.tolist(), strict=True)):
        anchors = bag(grid, objects.boxes[n])
        loc = [image * p + i for i in anchors]
        if anchors:
            target = encode(grid.boxes[anchors], objects.boxes[n : n + 1].expand(len(anchors), 4), WEIGHTS)
            prob = (log_p[loc, label] - 0.75 * smooth_l1(raw.deltas[loc] - target, 0.11)).exp()
            weight = 1 / (1 - prob).clamp(min=1e-12)
            weight = weight / weight.sum()
            pos = pos + bag_loss(weight, prob)
            pairs.update({(j, n): (w, 1.0) for j, w in zip(loc, weight.tolist(), strict=True)})
        else:
            pos = pos + 100  # a bag of nothing: binary cross-entropy of 0
        ramp = object_box(decoded[image * p : (image + 1) * p], objects.boxes[n].double())
        for i in ramp.nonzero()[:, 0].tolist():
            j, s = image * p + i, ramp[i].item()
            pairs[j, n] = (pairs.get((j, n), (0.0, 1.0))[0], 1 - s)
            table[j, label] = min(table.get((j, label), 1.0), 1 - s)
    ignore = crowd(grid, objects, weighed(pairs))
    count = len(objects.boxes)
    neg = down_weighted(raw, implicit, table, ignore)
    return Result(pairs, {"pos": 0.5 * pos / max(1, count), "neg": 0.5 * neg / max(1, 50 * count)}, ignore)

"""Oracle of AutoAssign: methods.md section 1.2 (steps 1-9), the edge cases of 1.3, the switches of 1.9."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from assigners.interface import Grid, Objects
from tests.oracles.common import (
    Raw,
    Result,
    bag_loss,
    crowd,
    decode_ltrb,
    down_weighted,
    focal,
    inside,
    log_probs,
    overlaps,
    weighed,
)


def center_prior(grid: Grid, box: Tensor, cells: list[int], raw: Raw, center: str, label: int) -> Tensor:
    """G at locations of the grid: equation 2 with the offset in strides; 1 where the prior is off."""
    if center == "none":
        return torch.ones(len(cells), dtype=torch.float64)
    row = label if center == "category" else 0
    offset = (grid.centers[cells].double() - (box[:2] + box[2:]) / 2) / grid.stride[cells].double()[:, None]
    return (-((offset - raw.mu[row]) ** 2) / (2 * raw.sigma[row] ** 2)).sum(1).exp()


def confidence_weight(confidence: str, p_cls: Tensor, p_loc: Tensor) -> Tensor:
    """C = exp(3 P), equation 9; the switch acts on C alone."""
    value = {"none": torch.zeros_like(p_cls), "cls": p_cls, "loc": p_loc, "joint": p_cls * p_loc}[confidence]
    return (3 * value).exp()


def best_iou(boxes: Tensor, objects: Objects, image: int) -> Tensor:
    """(p, 4) -> (p,) highest IoU with any object of the image."""
    best = torch.zeros(len(boxes), dtype=torch.float64)
    for n in (objects.image == image).nonzero()[:, 0].tolist():
        best = torch.maximum(best, overlaps(boxes, objects.boxes[n].double())[0])
    return best


def negative_weight(iou: Tensor) -> Tensor:
    """w- = 1 - f, equation 11: f is 1 / (1 - iou), scaled to [0, 1] over the locations of one object."""
    q = 1 / (1 - iou).clamp(min=1e-12)
    return 1 - (q - q.min() + 1e-12) / (q.max() - q.min() + 1e-12)


def explicit_term(raw: Raw, inner: set[int], ignore: set[int], form: str) -> Tensor:
    """Section 1.9: objectness has a label of its own, 1 inside any box; bce: mean over all that is not ignored."""
    if form == "focal":
        positive = dict.fromkeys(inner, 0)
        return focal(replace(raw, logits=raw.objectness[:, None]), False, positive, ignore) / max(1, len(inner))
    counted = [i for i in range(len(raw.objectness)) if i not in ignore]
    target = torch.tensor([float(i in inner) for i in counted], dtype=torch.float64)
    return binary_cross_entropy_with_logits(raw.objectness[counted], target)


def largest_prior(grid: Grid, box: Tensor, raw: Raw, center: str, label: int, k: int) -> list[int]:
    """Section 1.3, `force_topk`: the k locations of largest G in the whole image; equal ones in the order of the grid.

    Without centre weighting every G is 1 and tells nothing apart: then by the fixed prior.
    """
    if center == "none":
        raw, center = standard(raw), "fixed"
    row = label if center == "category" else 0
    offset = (grid.centers.double() - (box[:2] + box[2:]) / 2) / grid.stride.double()[:, None]
    distance = ((offset - raw.mu[row]) ** 2 / raw.sigma[row] ** 2).sum(1).tolist()
    return sorted(range(grid.size), key=lambda i: (distance[i], i))[:k]


def standard(raw: Raw) -> Raw:
    """With the fixed prior's mu and sigma."""
    return replace(raw, mu=torch.zeros(1, 2), sigma=torch.ones(1, 2))


def center_term(count: list[int], mass: list[Tensor]) -> Tensor:
    """Mean over the images of objects by their sum of G; an image without any adds 0."""
    ratios = [n / m for n, m in zip(count, mass, strict=True) if m > 1e-12]
    return sum(ratios, torch.zeros(())) / len(count)


def oracle(
    grid: Grid, objects: Objects, raw: Raw, objectness: str = "implicit", center: str = "category",
    confidence: str = "joint", negative: str = "iou", normaliser: str = "prior", explicit_loss: str = "bce",
    fallback: str = "none", fallback_topk: int = 9,
) -> Result:  # fmt: skip
    """Weights 0.25, 0.75 and 0.75 of the positive, negative and centre term."""
    p, pairs, table, implicit = grid.size, {}, {}, objectness == "implicit"
    log_p = log_probs(raw, implicit)[0]
    decoded = decode_ltrb(grid, objects.images, raw.deltas)
    best = [best_iou(decoded.detach()[b * p : (b + 1) * p], objects, b) for b in range(objects.images)]
    mass_of = (raw, center) if normaliser == "prior" else (standard(raw), "fixed")
    total, mass, pos = 0.0, [raw.logits.sum() * 0 for _ in best], raw.logits.sum() * 0
    for n, (label, image) in enumerate(zip(objects.labels.tolist(), objects.image.tolist(), strict=True)):
        cells = inside(grid, objects.boxes[n].tolist())
        if not cells and fallback == "nearest":
            cells = largest_prior(grid, objects.boxes[n].double(), raw, center, label, fallback_topk)
        if not cells:
            pos = pos + 100  # B = 0: binary cross-entropy clamps its logarithm
            continue
        loc, box = [image * p + i for i in cells], objects.boxes[n].double()
        p_cls, p_loc = log_p[loc, label].exp(), (-5 * (1 - overlaps(decoded[loc], box)[1])).exp()
        prior = center_prior(grid, box, cells, raw, center, label)
        weight = confidence_weight(confidence, p_cls, p_loc) * prior
        weight = weight / weight.sum().clamp(min=1e-300)  # sums to 1 however small C G is, unlike the authors
        pos = pos + bag_loss(weight, p_cls * p_loc)
        mass[image] = mass[image] + prior.sum()
        total += center_prior(grid, box, cells, *mass_of, label).sum().item()
        minus = negative_weight(best[image][cells]) if negative == "iou" else torch.ones(len(cells))
        for j, plus, less in zip(loc, weight.tolist(), minus.tolist(), strict=True):
            pairs[j, n] = (plus, less)
            table[j, label] = min(table.get((j, label), 1.0), less)
    ignore, inner = crowd(grid, objects, weighed(pairs)), {j for j, _ in pairs}
    terms = {
        "pos": 0.25 * pos / max(1, len(objects.boxes)),
        "neg": 0.75 * down_weighted(raw, implicit, table, ignore) / max(1.0, total),
        "center": 0.75 * center_term(torch.bincount(objects.image, minlength=objects.images).tolist(), mass),
    }
    if objectness == "explicit":
        terms["objectness"] = explicit_term(raw, inner, ignore - inner, explicit_loss)
    return Result(pairs, terms, ignore)

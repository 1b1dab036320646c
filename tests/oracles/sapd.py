"""Oracle of SAPD: methods.md section 8, soft in space, the level chosen by loss or shared out by the net."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from assigners.interface import Grid, Level, Objects
from tests.oracles.common import Raw, Result, crowd, log_probs
from tests.oracles.fsaf import CLOSE, box_loss, decode, shrunk

SIDE, SAMPLES = 7, 2  # cells of a region's features; samples of a cell and axis


def region(grid: Grid, level: Level, box: list[float]) -> list[int]:
    """Priors of one image in columns floor(x1 / s) .. ceil(x2 / s) - 1 of the 0.2 box and its rows, at least one."""
    x1, y1, x2, y2 = (v / level.stride for v in shrunk(box, 0.2))
    axes = []
    for low, high, size in ((x1, x2, level.width), (y1, y2, level.height)):
        first = min(max(math.floor(low), 0), size - 1)
        axes.append(range(first, max(min(math.ceil(high), size), first + 1)))
    return [level.start + y * level.width + x for y in axes[1] for x in axes[0]]


def distances(grid: Grid, i: int, box: list[float]) -> tuple[float, float, float, float]:
    """ltrb, 0 where the edge is not beyond the point."""
    x, y = grid.centers[i].tolist()
    return tuple(max(0.0, d) for d in (x - box[0], y - box[1], box[2] - x, box[3] - y))


def spatial(left: float, top: float, right: float, bottom: float) -> float:
    """min(l, r) min(t, b) / (max(l, r) max(t, b))"""
    largest = max(left, right) * max(top, bottom)
    return min(left, right) * min(top, bottom) / largest if largest else 0.0


def own_loss(raw: Raw, implicit: bool, decoded: Tensor, loc: list[int], label: int, grid: Grid, box: list) -> float:
    """Focal loss over the classes and box loss of an object's cells, their means added."""
    log_p, log_q = log_probs(raw, implicit)
    target = torch.zeros_like(log_p[loc])
    target[:, label] = 1
    focal = -0.25 * target * log_q[loc].exp() ** 2 * log_p[loc]
    focal = focal - 0.75 * (1 - target) * log_p[loc].exp() ** 2 * log_q[loc]
    goals = []
    for i in loc:
        x, y = grid.centers[i % grid.size].tolist()
        left, top, right, bottom = distances(grid, i % grid.size, box)
        goals.append((x - left, y - top, x + right, y + bottom))
    return (focal.sum(1).mean() + box_loss(decoded[loc], torch.tensor(goals).double()).mean()).item()


def sampled(feature: Tensor, stride: int, box: list[float]) -> Tensor:
    """RoIAlign of one box, aligned: (C, H, W) -> (C, 7, 7)."""
    x1, y1, x2, y2 = (v / stride - 0.5 for v in box)
    rows, columns = interpolation(y1, y2, feature.shape[1]), interpolation(x1, x2, feature.shape[2])
    values = rows @ feature @ columns.T  # (C, 14, 14)
    return values.unflatten(2, (SIDE, SAMPLES)).unflatten(1, (SIDE, SAMPLES)).mean((2, 4))


def interpolation(low: float, high: float, size: int) -> Tensor:
    """(14, size) what each cell gives to the samples of one axis.

    Between two cells they share; within one cell outside, the outermost has all; nothing beyond.
    """
    table = torch.zeros(SIDE * SAMPLES, size, dtype=torch.float64)
    for k in range(SIDE * SAMPLES):
        at = low + (k + 0.5) / SAMPLES * (high - low) / SIDE
        if -1 <= at <= size:
            at = min(max(at, 0), size - 1)
            table[k, int(at)] += 1 - (at - int(at))
            table[k, min(int(at) + 1, size - 1)] += at - int(at)
    return table


def selection(raw: Raw, grid: Grid, objects: Objects) -> Tensor:
    """(N, L) logits of the meta-selection net."""
    levels, channels, logits = len(grid.levels), raw.features.shape[1], []
    sizes = [(channels, levels * channels, 3, 3), (channels,), (channels, channels, 3, 3), (channels,)]
    sizes += [(channels, channels, 3, 3), (channels,), (levels, channels), (levels,)]
    weights = [w.view(s) for w, s in zip(raw.net.split([math.prod(s) for s in sizes]), sizes, strict=True)]
    for box, image in zip(objects.boxes.tolist(), objects.image.tolist(), strict=True):
        maps = [raw.features[image, :, v.start : v.stop].view(channels, v.height, v.width) for v in grid.levels]
        x = torch.cat([sampled(m, v.stride, box) for m, v in zip(maps, grid.levels, strict=True)])[None]
        for k in (0, 2, 4):
            x = conv2d(x, weights[k], weights[k + 1]).clamp(min=0)
        logits.append(weights[6] @ x.flatten() + weights[7])
    return torch.stack(logits) if logits else 0 * (raw.net.sum() + raw.features.sum()) + torch.zeros(0, levels)


def shares(logits: Tensor, top: int) -> Tensor:
    """(N, L) probabilities; only the `top` largest of an object are kept."""
    probability = logits.softmax(1)
    order = probability.argsort(1, descending=True)
    return probability.scatter(1, order[:, top:], 0.0)


def match(grid: Grid, objects: Objects) -> tuple[list[list[list[int]]], dict[int, int]]:
    """The cells of each object on each level; the winner of a cell: least (l + r)(t + b), then lowest index."""
    own, winner, size = [], {}, {}
    for n, (box, image) in enumerate(zip(objects.boxes.tolist(), objects.image.tolist(), strict=True)):
        own.append([[image * grid.size + i for i in region(grid, level, box)] for level in grid.levels])
        for loc in (loc for level in own[n] for loc in level):
            d = torch.tensor(distances(grid, loc % grid.size, box))  # float32, so that equal means equal
            size[loc, n] = ((d[0] + d[2]) * (d[1] + d[3])).item()
            if loc not in winner or size[loc, n] < size[loc, winner[loc]]:
                winner[loc] = n
    return own, winner


def least_levels(grid: Grid, objects: Objects, raw: Raw, implicit: bool, own: list) -> tuple[list[int], bool]:
    """The level of least loss of each object, and whether one was too close to tell."""
    decoded, best, close = decode(grid, objects.images, raw.deltas), [], False
    for n, box in enumerate(objects.boxes.tolist()):
        label = int(objects.labels[n])
        losses = [own_loss(raw, implicit, decoded, loc, label, grid, box) for loc in own[n]]
        best.append(losses.index(min(losses)))
        close |= sorted(losses)[1] - min(losses) < CLOSE
    return best, close


def oracle(
    grid: Grid, objects: Objects, raw: Raw, implicit: bool = False, hard: bool = False, coupled: bool = False
) -> Result:
    """hard: one level, that of least loss. coupled: gradients go through the probabilities, too."""
    own, winner = match(grid, objects)
    least, close = least_levels(grid, objects, raw, implicit, own)
    logits, n = selection(raw, grid, objects), len(objects.boxes)
    share = shares(logits, 3) if not hard else torch.eye(len(grid.levels)).double()[least]
    share = share if coupled else share.detach()
    ignore = crowd(grid, objects, set(winner))
    log_p, log_q = log_probs(raw, implicit)
    weight = [torch.ones(()).double() if i not in ignore else torch.zeros(()) for i in range(len(log_p))]
    target, pairs, box = torch.zeros_like(log_p), {}, 0 * raw.deltas.sum()
    decoded = decode(grid, objects.images, raw.deltas)
    for loc, m in winner.items():
        level = next(j for j, cells in enumerate(own[m]) if loc in cells)
        weight[loc] = spatial(*distances(grid, loc % grid.size, objects.boxes[m].tolist())) * share[m, level]
        target[loc, objects.labels[m]] = 1
        pairs[loc, m] = (weight[loc].item(), 0.0)
        box = box + weight[loc] * box_loss(decoded[loc][None], objects.boxes[m].double()).sum()
    loss = -0.25 * target * log_q.exp() ** 2 * log_p - 0.75 * (1 - target) * log_p.exp() ** 2 * log_q
    z = max(1.0, sum(w for w, _ in pairs.values()))
    cross_entropy = -logits.log_softmax(1)[range(n), least].sum() if n else logits.sum()
    terms = {
        "cls": (loss.sum(1) * torch.stack(weight)).sum() / z,
        "box": box / z,
        "level": 0.1 * cross_entropy / max(1, n),
    }
    return Result(pairs, terms, ignore, set(pairs) if close else set())

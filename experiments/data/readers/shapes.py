"""Synthetic datasets: `shapes` and four twins, each image a pure function of (set, split, position); nothing on disk.

Half of the classes show their evidence off the centre of their box, by an offset that is known: a learned centre prior
can be held against it. Three twins imitate the box statistics of VOC, Objects365 and WIDER FACE. The fourth is for the
priors: its boxes are of one size, in which offset and spread are so many strides, and it has elongated classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product

import numpy as np

from experiments.data.index import Index
from experiments.data.parsing.clean import Record, build_index
from experiments.data.readers import Reader
from experiments.runtime.errors import unknown

SIDE = 128  # pixels of an image
SMALL_MEDIUM = (16.0**2, 36.0**2)  # px^2; at 128 px what 32^2 and 96^2 are to COCO's larger images
SPLITS = {"train": 0, "val": 1, "tune": 2}  # each a drawing of its own; tune: for the search of a profile's settings
KEPT = 5000  # images of 48 KiB that a process keeps once they are made: all of one dataset
TYPICAL = 36  # px, side of the box in which true offsets are measured; a stem of 2 px weighs less in larger ones
OFFSETS = {  # meant, of the block alone from the centre of the box, in widths and heights
    "disc": (0.0, 0.0),
    "square": (0.0, 0.0),
    "ring": (0.0, 0.0),
    "cross": (0.0, 0.0),
    "diamond": (0.0, 0.0),
    "left": (-0.375, 0.0),
    "right": (0.375, 0.0),
    "top": (0.0, -0.375),
    "bottom": (0.0, 0.375),
    "flag": (-0.375, 0.0),
}
ELONGATED = ("plank", "post", "gate", "stack")  # along x, y, x, y; centred
COLOURS = {
    "red": (230, 40, 40),
    "green": (40, 210, 60),
    "blue": (60, 90, 250),
    "yellow": (240, 220, 40),
    "magenta": (230, 60, 220),
    "cyan": (40, 220, 230),
}


@dataclass(frozen=True)
class Style:
    """What a dataset draws: how many boxes, how large, of which classes."""

    counts: tuple[int, ...]  # boxes of an image, by equal chance
    shares: tuple[float, float, float]  # of small, medium and large boxes
    sides: tuple[int, int, int, int]  # px, bounds of the three sizes
    classes: tuple[str, ...]
    tail: float = 0.0  # exponent of Zipf's law over the classes
    crowd: float = 0.0  # chance of an image of 60 to 200 boxes


STYLES = {
    "shapes": Style((1, 2, 3, 4, 5, 5, 6, 7, 8, 9), (0.32, 0.36, 0.32), (8, 16, 36, 72), tuple(OFFSETS)),
    "shapes-voc": Style((1, 2, 2, 2, 3, 4), (0.05, 0.25, 0.70), (10, 16, 36, 100), tuple(OFFSETS)),
    "shapes-objects365": Style(
        (3, 5, 7, 9, 12), (0.4, 0.4, 0.2), (8, 16, 36, 64), tuple(" ".join(p) for p in product(COLOURS, OFFSETS)), 1.0
    ),
    "shapes-widerface": Style((1, 1, 2, 3, 4, 8, 12), (0.8, 0.17, 0.03), (6, 12, 24, 48), ("disc",), 0.0, 0.035),
    "shapes-priors": Style((2, 3, 4, 5, 6), (0.0, 1.0, 0.0), (8, 24, 40, 72), (*OFFSETS, *ELONGATED)),
}


def read(name: str, split: str, images: int) -> Index:
    """The index of the first `images` images of a split; no two share one. Raises UserError.

    name: of the dataset; one that has no style, a recipe of one's own, is drawn as `shapes`.
    """
    if split not in SPLITS:
        raise unknown("split of the synthetic datasets", split, list(SPLITS))
    name = name if name in STYLES else "shapes"
    style = STYLES[name]
    records = []
    for i in range(images):
        boxes, labels = layout(name, split, i)
        records.append(Record("", i, SIDE, SIDE, boxes.tolist(), labels.tolist(), [False] * len(labels)))
    painted = [name.split(" ")[-1] for name in style.classes]
    return build_index(
        name,
        style.classes,
        records,
        small_medium=SMALL_MEDIUM,
        draw=partial(draw, name, split),
        true_offsets=tuple(map(painted_offset, painted)),
        true_spreads=tuple(map(painted_spread, painted)),
    )


def _generator(name: str, split: str, i: int, part: int) -> np.random.Generator:
    return np.random.default_rng([list(STYLES).index(name), SPLITS[split], i, part])


def layout(name: str, split: str, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (n, 4) in whole pixels and labels (n,) of an image."""
    style, rng = STYLES[name], _generator(name, split, i, 0)
    count = int(rng.integers(60, 201)) if rng.random() < style.crowd else int(rng.choice(style.counts))
    kind = rng.choice(3, count, p=style.shares)
    low, high = np.array(style.sides)[kind], np.array(style.sides)[kind + 1]
    side = low * (high / low) ** rng.random(count)
    stretch = np.exp(rng.uniform(-0.25, 0.25, count))
    size = np.clip(np.stack((side * stretch, side / stretch), 1).round(), 4, SIDE - 2)  # (n, 2) width, height
    corners = np.floor(rng.random((8, count, 2)) * (SIDE - size))  # eight tries a box
    order = np.argsort(-size.prod(1), kind="stable")  # the large ones first, or they find no room
    boxes = np.zeros((0, 4))
    for n in order:
        tries = np.concatenate((corners[:, n], corners[:, n] + size[n]), 1)
        free = _overlap(tries, boxes).max(1, initial=0.0) < 0.1
        boxes = np.concatenate((boxes, tries[free][:1]))
    weights = 1.0 / np.arange(1, len(style.classes) + 1) ** style.tail
    return boxes, rng.choice(len(style.classes), len(boxes), p=weights / weights.sum())


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) -> (n, m), intersection over the smaller area."""
    corner = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    area = [(x[:, 2:] - x[:, :2]).prod(1) for x in (a, b)]
    return np.clip(corner, 0, None).prod(2) / np.minimum(area[0][:, None], area[1][None])


@lru_cache(KEPT)
def draw(name: str, split: str, i: int) -> np.ndarray:
    """(3, 128, 128) uint8, not to be written into: textured ground, strokes that are no object, then the objects."""
    rng, (boxes, labels) = _generator(name, split, i, 1), layout(name, split, i)
    coarse = rng.integers(50, 120, (3, 8, 8))
    image = coarse.repeat(SIDE // 8, 1).repeat(SIDE // 8, 2) + rng.integers(-12, 13, (3, SIDE, SIDE))
    for x, y, long, across in rng.integers(0, (SIDE - 10, SIDE - 10, 10, 2), (6, 4)):
        w, h = (long, 1) if across else (1, long)
        image[:, y : y + h, x : x + w] = rng.integers(0, 255, (3, 1, 1))
    colours = list(COLOURS)
    for (x1, y1, x2, y2), label in zip(boxes.astype(int).tolist(), labels.tolist(), strict=True):
        *prefix, shape = STYLES[name].classes[label].split(" ")
        colour = prefix[0] if prefix else colours[rng.integers(len(colours))]
        mask = _mask(shape, x2 - x1, y2 - y1)
        paint = np.array(COLOURS[colour])[:, None] + rng.integers(-20, 21, (3, int(mask.sum())))
        image[:, y1:y2, x1:x2][:, mask] = paint
    return np.clip(image, 0, 255).astype(np.uint8)


@lru_cache
def painted_offset(shape: str) -> tuple[float, float]:
    """The centroid of what is painted, from the centre of a box of TYPICAL px; in widths and heights."""
    rows, columns = np.nonzero(_mask(shape, TYPICAL, TYPICAL))
    x, y = ((values.mean() + 0.5) / TYPICAL - 0.5 for values in (columns, rows))
    # Less than half a percent of a box comes from the raster of a symmetric shape.
    return tuple(round(float(value), 6) if abs(value) > 0.005 else 0.0 for value in (x, y))


@lru_cache
def painted_spread(shape: str) -> tuple[float, float]:
    """The standard deviation of what is painted, as `painted_offset`; of a full box 1 / sqrt(12)."""
    rows, columns = np.nonzero(_mask(shape, TYPICAL, TYPICAL))
    x, y = (np.sqrt(values.var() + 1 / 12) / TYPICAL for values in (columns, rows))  # a pixel's own is 1 / 12
    return round(float(x), 6), round(float(y), 6)


def _mask(shape: str, width: int, height: int) -> np.ndarray:
    """(height, width) bool: where an object of this class is painted."""
    u = ((np.arange(width) + 0.5) / width * 2 - 1)[None]
    v = ((np.arange(height) + 0.5) / height * 2 - 1)[:, None]
    if shape in ("right", "bottom"):
        return _mask({"right": "left", "bottom": "top"}[shape], width, height)[::-1, ::-1]
    if shape in ("left", "top", "flag"):  # a block at one side, and a stem of two pixels to the other
        along, aside, thin = (v, u, 4 / width) if shape == "top" else (u, v, 4 / height)
        stem = aside < thin - 1 if shape == "flag" else np.abs(aside) < thin / 2
        return (along < -0.5) | stem & (along < 1)
    masks = {
        "disc": lambda: u**2 + v**2 < 1,
        "square": lambda: (u < 2) & (v < 2),
        "ring": lambda: (u**2 + v**2 < 1) & (u**2 + v**2 > 0.3),
        "cross": lambda: (np.abs(u) < 0.35) | (np.abs(v) < 0.35),
        "diamond": lambda: np.abs(u) + np.abs(v) < 1,
        "plank": lambda: (np.abs(v) < 0.3) | (np.abs(u) < 2 / width),  # a stem of two pixels to the other edges
        "post": lambda: (np.abs(u) < 0.3) | (np.abs(v) < 2 / height),
        "gate": lambda: (np.abs(u) > 0.6) | (np.abs(v) < 2 / height),
        "stack": lambda: (np.abs(v) > 0.6) | (np.abs(u) < 2 / width),
    }
    return masks[shape]()


READER = Reader(lambda q: read(q.dataset, q.split, q.images), sources=None)

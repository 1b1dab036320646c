"""Columns into an index, and the one clean-up rule for all datasets.

What is trained on is cleaned. What is evaluated stays as its file has it, since the protocols' official tools clean
nothing: there the same counters, with KEPT before their names, say what was left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from experiments.data.index import COCO_AREAS, Index
from experiments.data.packed_paths import Paths, pack_paths, starts

LIMIT = 10**7  # pixels: a coordinate or side of an image above it is damage
KEPT = "kept_"


@dataclass(frozen=True)
class Record:
    """One image as its reader read it, before the clean-up; for datasets that are small enough for such."""

    path: str  # below the data root; "": synthetic
    image_id: int
    height: int
    width: int
    boxes: list  # of raw (x1, y1, x2, y2)
    labels: list[int]
    ignore: list[bool]  # VOC difficult, WIDER FACE invalid


@dataclass(frozen=True, eq=False)
class CleanBoxes:
    """N boxes of an index, in any order."""

    owner: np.ndarray  # (N,) position of the image
    boxes: np.ndarray  # (N, 4) float32
    labels: np.ndarray  # (N,)
    ignore: np.ndarray  # (N,) bool
    areas: np.ndarray | None = None  # (N,) float64 px^2
    xywh: np.ndarray | None = None  # (N, 4) float64 px, of what is evaluated


@dataclass(frozen=True, eq=False)
class ImageColumns:
    """n images, and what all datasets say about themselves."""

    name: str
    classes: tuple[str, ...]
    paths: Paths
    image_ids: np.ndarray  # (n,) int64
    sizes: np.ndarray  # (n, 2) int32 height, width
    small_medium: tuple[float, float] = COCO_AREAS
    draw: Callable[[int], np.ndarray] | None = None
    true_offsets: tuple[tuple[float, float], ...] = ()
    true_spreads: tuple[tuple[float, float], ...] = ()
    counters: Counter = field(default_factory=Counter)


def build_index(
    name: str,
    classes: tuple[str, ...],
    records: Iterable[Record],
    root: str = "",
    inclusive: bool = False,
    clean: bool = True,
    **properties: object,
) -> Index:
    """Index of `records`; `inclusive`: raw boxes are 1-based with the last pixel inside, as in VOC.

    clean: False for the split that is evaluated.
    """
    records = list(records)
    sizes = np.array([(r.height, r.width) for r in records], dtype=np.int32).reshape(-1, 2)
    ids = np.array([r.image_id for r in records], dtype=np.int64)
    owner = np.repeat(np.arange(len(records)), [len(r.labels) for r in records])  # (N,)
    raw = np.concatenate([np.zeros((0, 4)), *(np.asarray(r.boxes, dtype=np.float64).reshape(-1, 4) for r in records)])
    boxes, keep, counters = clean_boxes(raw, sizes[owner], inclusive, clean)
    xywh = None if clean else corners_to_sides(raw - FIRST_PIXEL if inclusive else raw)
    labels = np.array([x for r in records for x in r.labels], dtype=np.int64)
    ignore = np.array([x for r in records for x in r.ignore], dtype=bool)
    images = ImageColumns(
        name, classes, pack_paths((r.path for r in records), root), ids, sizes, counters=counters, **properties
    )
    return assemble(images, [CleanBoxes(owner[keep], boxes[keep], labels[keep], ignore[keep], xywh=xywh)])


def assemble(source: ImageColumns, blocks: list[CleanBoxes]) -> Index:
    """The boxes of each image side by side, in the order they came in. Empties `blocks`: they are large."""
    columns = {name: [getattr(block, name) for block in blocks] for name in ("owner", "boxes", "labels", "ignore")}
    areas = [block.areas for block in blocks if block.areas is not None]
    xywh = [block.xywh for block in blocks if block.xywh is not None]
    blocks.clear()
    owner = np.concatenate(columns.pop("owner") or [np.zeros(0, np.int64)])
    counts = np.bincount(owner, minlength=len(source.image_ids))
    order = np.argsort(owner, kind="stable")
    del owner
    rows = {name: _join(columns.pop(name), order, empty) for name, empty in EMPTY.items()}
    return Index(
        name=source.name,
        classes=source.classes,
        paths=source.paths,
        image_ids=source.image_ids,
        sizes=source.sizes,
        offsets=starts(counts),
        areas=_join(areas, order, np.zeros(0)) if areas else None,
        xywh=_join(xywh, order, np.zeros((0, 4))) if xywh else None,
        counters=dict(source.counters),
        small_medium=source.small_medium,
        draw=source.draw,
        true_offsets=source.true_offsets,
        true_spreads=source.true_spreads,
        **rows,
    )


EMPTY = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64), "ignore": np.zeros(0, bool)}


def _join(blocks: list[np.ndarray], order: np.ndarray, empty: np.ndarray) -> np.ndarray:
    column = np.concatenate(blocks or [empty])
    blocks.clear()
    return column[order].astype(empty.dtype, copy=False)


FIRST_PIXEL = np.array([1.0, 1.0, 0.0, 0.0])  # VOC counts from 1, and its last pixel is inside


def corners_to_sides(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x1 y1 x2 y2 -> x y w h."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def clean_boxes(
    boxes: np.ndarray, sizes: np.ndarray, inclusive: bool, clean: bool
) -> tuple[np.ndarray, np.ndarray, Counter]:
    """(N, 4) x1 y1 x2 y2 in images of (N, 2) height, width: float32 boxes, which to keep, how often each rule applied.

    Without `clean` all are kept as they are.
    """
    area = (boxes[:, 2:] > boxes[:, :2]).all(1)  # on raw numbers, in VOC too
    boxes = boxes - FIRST_PIXEL if inclusive else boxes
    limit = sizes[:, [1, 0, 1, 0]].astype(np.float64)
    cut = np.clip(boxes, 0.0, limit)
    inside = (cut[:, 2:] > cut[:, :2]).all(1)
    single = cut.astype(np.float32)
    area &= ~inside | (single[:, 2:] > single[:, :2]).all(1)  # too thin for float32
    keep = area & inside
    counters = Counter(
        no_area=int((~area).sum()),
        outside=int((area & ~inside).sum()),
        clipped=int((keep & (cut != boxes).any(1)).sum()),
    )
    if clean:
        return single, keep, counters
    untouched = Counter({f"{KEPT}{rule}": count for rule, count in counters.items()})
    return boxes.astype(np.float32), np.ones(len(boxes), bool), untouched

"""The columnar index of a data set: which images, which boxes; and the one clean-up rule for all sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from experiments.errors import UserError

COCO_AREAS = (32.0**2, 96.0**2)  # px^2, bounds of small/medium and medium/large


class BadImage(UserError):
    """An image file that cannot be read or does not decode."""


@dataclass(frozen=True)
class Record:
    """One image as its reader found it, before the clean-up."""

    path: str  # "": drawn
    image_id: int
    height: int
    width: int
    boxes: list  # of raw (x1, y1, x2, y2)
    labels: list[int]
    ignore: list[bool]  # VOC difficult, COCO crowd


@dataclass(frozen=True, eq=False)
class Index:
    """n images and N boxes in flat arrays; the boxes of image i are offsets[i]..offsets[i + 1]."""

    name: str
    classes: tuple[str, ...]
    paths: tuple[str, ...]  # (n,), "": drawn
    image_ids: np.ndarray  # (n,) int64
    sizes: np.ndarray  # (n, 2) int32 height, width
    offsets: np.ndarray  # (n + 1,) int64
    boxes: np.ndarray  # (N, 4) float32 x1 y1 x2 y2, pixels, 0-based, continuous
    labels: np.ndarray  # (N,) int64
    ignore: np.ndarray  # (N,) bool
    counters: dict[str, int]  # boxes: no_area and outside were dropped, clipped were cut to the image
    small_medium: tuple[float, float] = COCO_AREAS  # px^2, bounds of small/medium and medium/large
    draw: Callable[[int], np.ndarray] | None = None  # position -> (3, H, W) uint8

    def __len__(self) -> int:
        return len(self.image_ids)

    def of(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of the boxes, labels and ignore flags of image i."""
        part = slice(self.offsets[i], self.offsets[i + 1])
        return self.boxes[part], self.labels[part], self.ignore[part]

    def only(self, images: np.ndarray) -> Index:
        """The images at these positions; for truth, not for reading them."""
        chosen = np.concatenate([np.arange(0), *(np.arange(*self.offsets[i : i + 2]) for i in images)])
        rows = {name: getattr(self, name)[chosen] for name in ("boxes", "labels", "ignore")}
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[images])])
        paths = tuple(self.paths[i] for i in images)
        ids, sizes = self.image_ids[images], self.sizes[images]
        return replace(self, paths=paths, image_ids=ids, sizes=sizes, offsets=offsets, draw=None, **rows)

    def read(self, i: int) -> Tensor:
        """(3, H, W) uint8 RGB."""
        if self.draw is not None:
            return torch.from_numpy(self.draw(i))
        image = decode(self.paths[i])
        found, stated = tuple(image.shape[1:]), tuple(int(x) for x in self.sizes[i])
        if found != stated:
            raise UserError(
                f"{self.paths[i]}: the image is {found[1]} x {found[0]}, but its annotation says "
                f"{stated[1]} x {stated[0]}. Use the image that was annotated, or mend the annotation."
            )
        return image

    def digest(self) -> str:
        """Short content hash: arrays, classes and file base names, not where the files lie."""
        h = hashlib.sha256()
        for array in (self.image_ids, self.sizes, self.offsets, self.boxes, self.labels, self.ignore):
            h.update(f"{array.dtype}{array.shape}".encode())
            h.update(np.ascontiguousarray(array).tobytes())
        h.update(repr((self.classes, [Path(p).name for p in self.paths])).encode())
        return h.hexdigest()[:16]


def decode(path: str) -> Tensor:
    """(3, H, W) uint8 RGB; greyscale is repeated."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
        return decode_image(torch.from_numpy(data), mode=ImageReadMode.RGB)
    except (OSError, RuntimeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error).rsplit(", ", 1)[-1].splitlines()[0]
        raise BadImage(
            f"{path}: the image does not decode ({why}). Fetch the file again, or set data.skip_bad_images=true."
        ) from None


def build(
    name: str, classes: tuple[str, ...], records: Iterable[Record], inclusive: bool = False, **rest: object
) -> Index:
    """Index of `records`; `inclusive`: raw boxes are 1-based with the last pixel inside, as in VOC."""
    records = list(records)
    sizes = np.array([(r.height, r.width) for r in records], dtype=np.int32).reshape(-1, 2)
    owner = np.repeat(np.arange(len(records)), [len(r.labels) for r in records])  # (N,)
    raw = [np.asarray(r.boxes, dtype=np.float64).reshape(-1, 4) for r in records]
    boxes = np.concatenate([np.zeros((0, 4)), *raw])
    boxes, keep, counters = clean(boxes, sizes[owner], inclusive)
    labels = np.array([x for r in records for x in r.labels], dtype=np.int64)
    ignore = np.array([x for r in records for x in r.ignore], dtype=bool)
    counts = np.bincount(owner[keep], minlength=len(records))
    return Index(
        name=name,
        classes=classes,
        paths=tuple(r.path for r in records),
        image_ids=np.array([r.image_id for r in records], dtype=np.int64),
        sizes=sizes,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        boxes=boxes[keep].astype(np.float32),
        labels=labels[keep],
        ignore=ignore[keep],
        counters=counters,
        **rest,
    )


def clean(boxes: np.ndarray, sizes: np.ndarray, inclusive: bool) -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Boxes cut to their images, which of them to keep, and how often each rule was used."""
    area = (boxes[:, 2:] > boxes[:, :2]).all(1)  # on raw numbers, in VOC too
    boxes = boxes - np.array([1.0, 1.0, 0.0, 0.0]) if inclusive else boxes
    limit = sizes[:, [1, 0, 1, 0]].astype(np.float64)
    cut = np.clip(boxes, 0.0, limit)
    inside = (cut[:, 2:] > cut[:, :2]).all(1)
    keep = area & inside
    counters = {
        "no_area": int((~area).sum()),
        "outside": int((area & ~inside).sum()),
        "clipped": int((keep & (cut != boxes).any(1)).sum()),
    }
    return cut, keep, counters

"""The columnar index of a dataset: which images, which boxes; and how an image is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from experiments.data.image_files import ImageFiles
from experiments.data.packed_paths import Paths, starts
from experiments.data.pixels import AS_SEEN, Reading, opened, read_header, read_pixels
from experiments.runtime.errors import UserError

COCO_AREAS = (32.0**2, 96.0**2)  # px^2, bounds of small/medium and medium/large
OPTIONAL = ("areas", "xywh")  # columns that not every index has


@dataclass(frozen=True, eq=False)
class Index:
    """n images and N boxes in flat arrays; the boxes of image i are offsets[i]..offsets[i + 1]."""

    name: str
    classes: tuple[str, ...]
    paths: Paths  # (n,), "": synthetic
    image_ids: np.ndarray  # (n,) int64
    sizes: np.ndarray  # (n, 2) int32 height, width
    offsets: np.ndarray  # (n + 1,) int64
    boxes: np.ndarray  # (N, 4) float32 x1 y1 x2 y2, pixels, 0-based, continuous; evaluated ones as the file has them
    labels: np.ndarray  # (N,) int64
    ignore: np.ndarray  # (N,) bool
    counters: dict[str, int]  # boxes: no_area, outside and other_class were dropped, clipped were cut to the image;
    # kept_no_area, kept_outside and kept_clipped were left as they are, in what is evaluated
    areas: np.ndarray | None = None  # (N,) float64 px^2, of the segmentation, for COCO's size bins; None: of the box
    xywh: np.ndarray | None = None  # (N, 4) float64 x y w h, pixels, for the protocols: to the last bit as the file has
    # them; None: of the boxes
    small_medium: tuple[float, float] = COCO_AREAS  # px^2, bounds of small/medium and medium/large
    draw: Callable[[int], np.ndarray] | None = None  # position -> (3, H, W) uint8
    true_offsets: tuple[tuple[float, float], ...] = ()  # (K, 2) of synthetic classes: where their evidence is painted,
    # from the centre of the box, in widths and heights
    true_spreads: tuple[tuple[float, float], ...] = ()  # (K, 2) of synthetic classes: standard deviation of what is
    # painted, in widths and heights
    hashed: str = ""  # the digest, where it was computed before
    reading: Reading = AS_SEEN  # how its files become pixels
    files: ImageFiles | None = None  # what they were when the index was made; None: not on disk, or not recorded

    def __len__(self) -> int:
        return len(self.image_ids)

    def of(self, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of the boxes, labels and ignore flags of image i."""
        rows = slice(self.offsets[i], self.offsets[i + 1])
        return self.boxes[rows], self.labels[rows], self.ignore[rows]

    def only(self, images: np.ndarray) -> Index:
        """The images at these positions; for truth, not for reading them."""
        rows = np.concatenate([np.arange(0), *(np.arange(*self.offsets[i : i + 2]) for i in images)])
        names = ["boxes", "labels", "ignore", *(name for name in OPTIONAL if getattr(self, name) is not None)]
        columns = {name: getattr(self, name)[rows] for name in names}
        columns |= {name: getattr(self, name)[images] for name in ("image_ids", "sizes")}
        offsets = starts(np.diff(self.offsets)[images])
        return replace(
            self, paths=self.paths.only(images), offsets=offsets, draw=None, hashed="", files=None, **columns
        )

    def part(self, images: np.ndarray) -> Index:
        """The images at these positions as a dataset of its own, that can be read. `counters` stay those of all."""
        few = self.only(images)
        draw = self.draw and partial(_drawn, self.draw, images)
        return replace(few, draw=draw, files=self.files and self.files.only(images, few.paths))

    def read(self, i: int) -> Tensor:
        """(3, H, W) uint8 RGB, turned as `reading` says.

        Raises BadImage for a file that does not decode, and UserError for one that changed or is not of its size.
        """
        if self.draw is not None:
            return torch.from_numpy(self.draw(i))
        path = self.paths[i]
        with opened(path) as file:
            if self.files is not None:
                self.files.check(i, file, path)
            pixels = read_pixels(file, path, self.reading)
        stated = tuple(self.sizes[i].tolist())
        if pixels.shape[:2] != stated:
            raise UserError(self._other_size(path, pixels.shape[:2], stated))
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def _other_size(self, path: str, size: tuple[int, ...], stated: tuple[int, ...]) -> str:
        other = "ignore" if self.reading.exif == "apply" else "apply"
        with opened(path) as file:
            header = read_header(file, path)
        advice = "Use the image that was annotated, or correct the annotation."
        if header.size(other) == stated:
            advice = (
                f"Its EXIF orientation is {header.orientation}, and data.exif={self.reading.exif}: "
                f"where all boxes were drawn so, set data.exif={other}."
            )
        return (
            f"{path}: the image is {size[1]} x {size[0]}, but its annotation says {stated[1]} x {stated[0]}. {advice}"
        )

    def digest(self) -> str:
        """Short content hash: arrays, classes, file base names and what is known of the files' content, or the first
        synthetic image; not where the files lie, nor their times.
        """
        if self.hashed:
            return self.hashed
        h = hashlib.sha256()
        arrays = [self.image_ids, self.sizes, self.offsets, self.boxes, self.labels, self.ignore]
        arrays += [getattr(self, name) for name in OPTIONAL if getattr(self, name) is not None]
        for array in arrays:
            h.update(f"{array.dtype}{array.shape}".encode())
            h.update(np.ascontiguousarray(array))
        h.update(repr((self.classes, self.paths.base_names())).encode())
        if self.draw is not None:
            h.update(self.draw(0))  # synthetic images are part of the content, and follow from the code
        if self.files is not None:
            h.update(self.reading.exif.encode())
            h.update(np.ascontiguousarray(self.files.hashes))
        return h.hexdigest()[:16]


def _drawn(draw: Callable[[int], np.ndarray], images: np.ndarray, i: int) -> np.ndarray:
    """Image i of a part."""
    return draw(int(images[i]))


def decode(path: str, reading: Reading = AS_SEEN) -> Tensor:
    """(3, H, W) uint8 RGB, a view of rows of pixels; greyscale is repeated.

    Bit for bit torchvision's decode_image, which is deprecated; torchcodec's, 20 % faster, binds torch to one version.
    """
    with opened(path) as file:
        return torch.from_numpy(read_pixels(file, path, reading)).permute(2, 0, 1)

"""The columnar index of a dataset: which images, which boxes; and how an image is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from experiments.data.packed_paths import Paths, starts
from experiments.runtime.errors import UserError

COCO_AREAS = (32.0**2, 96.0**2)  # px^2, bounds of small/medium and medium/large
OPTIONAL = ("areas", "xywh")  # columns that not every index has


class BadImage(UserError):
    """An image file that cannot be read or does not decode."""


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
    hashed: str = ""  # the digest, where it was computed before

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
        return replace(self, paths=self.paths.only(images), offsets=offsets, draw=None, hashed="", **columns)

    def read(self, i: int) -> Tensor:
        """(3, H, W) uint8 RGB."""
        if self.draw is not None:
            return torch.from_numpy(self.draw(i))
        image = decode(self.paths[i])
        size, stated = tuple(image.shape[1:]), tuple(int(x) for x in self.sizes[i])
        if size != stated:
            raise UserError(
                f"{self.paths[i]}: the image is {size[1]} x {size[0]}, but its annotation says "
                f"{stated[1]} x {stated[0]}. Use the image that was annotated, or correct the annotation."
            )
        return image

    def digest(self) -> str:
        """Short content hash: arrays, classes, file base names or the first drawing; not where the files lie."""
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
            h.update(self.draw(0))  # what is drawn is part of the content, and follows from the code
        return h.hexdigest()[:16]


def decode(path: str) -> Tensor:
    """(3, H, W) uint8 RGB, a view of rows of pixels; greyscale is repeated.

    Bit for bit torchvision's decode_image, which is deprecated; torchcodec's, 20 % faster, binds torch to one version.
    """
    try:
        with Image.open(path) as image:
            pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"))  # (H, W, 3)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or str(error).replace(f" {path!r}", "")
        raise BadImage(
            f"{path}: the image does not decode ({why}). Fetch the file again, or set data.skip_bad_images=true."
        ) from None
    return torch.from_numpy(pixels).permute(2, 0, 1)

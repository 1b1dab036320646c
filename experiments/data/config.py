"""The `data` group of a recipe: which images, and how they reach the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from assigners.ranges import Items, Range, Text
from experiments.data.pixels import MAX_PIXELS, Reading
from experiments.data.readers import READERS, SplitFiles

SIDE = (32, 16384, "pixels")  # at least the stride of C5
Side = Annotated[int, Range(*SIDE)]
Sides = Annotated[tuple[Side, ...], Items(least=1)]
Split = Annotated[str, Text()] | SplitFiles
Names = Annotated[tuple[Annotated[str, Text()], ...], Items(distinct=True)]


@dataclass(frozen=True)
class DataConfig:
    """Which images, and how they reach the device."""

    reader: Annotated[str, READERS]  # a file of experiments/data/readers
    train: Split  # a split's name; "auto": the reader's rule, see its file; or {annotations: FILE, images: FOLDER}
    val: Split  # as train
    short: Sides  # shorter side after resizing; of several, each training image draws one
    long: Side  # cap of the longer side
    test_short: Annotated[int, Range(*SIDE, zero="the largest of short")] = 0  # as short, in evaluation
    test_long: Annotated[int, Range(*SIDE, zero="as long")] = 0  # as long, in evaluation
    flip: Annotated[float, Range(0, 1, "probability")] = 0.5  # of a horizontal flip
    crop: Annotated[float, Range(0, 1, "share of a side")] = 0.0  # least that a crop around an object keeps; 0: none
    jitter: Annotated[float, Range(0, 1, "share")] = 0.0  # brightness, contrast, saturation by 1 - jitter to 1 + jitter
    classes: Names = ()  # (): the reader's own list
    root: str = ""  # folder of the files, where --data-root does not say; from the folder of the recipe file
    train_images: Annotated[int, Range(0, 10**7, "images")] = 0  # of `shapes`: how many to draw
    val_images: Annotated[int, Range(0, 10**7, "images")] = 0  # as train_images
    workers: Annotated[int, Range(0, 1024, "processes")] = 2  # of the loader; 0 reads in the training process
    skip_bad_images: bool = False  # continue without images that do not decode, up to 1 %
    exif: Literal["apply", "ignore"] = "apply"  # the EXIF orientation: turn images by it, as viewers do, or not
    max_pixels: Annotated[int, Range(1, 2**40, "pixels")] = MAX_PIXELS  # of an image; a larger one stops the run
    held_out: Annotated[float, Range(0, 1, "share of train", "[)")] = 0.0  # evaluated in the place of val; 0: val is

    @property
    def at_test(self) -> tuple[int, int]:
        """Shorter side and cap of the longer side in evaluation, pixels."""
        return self.test_short or max(self.short), self.test_long or self.long

    @property
    def reading(self) -> Reading:
        """How image files become pixels."""
        return Reading(self.exif, self.max_pixels)

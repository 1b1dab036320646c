"""The `data` group of a recipe: which images, and how they reach the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from experiments.data.pixels import MAX_PIXELS, Reading
from experiments.data.readers import READERS, SplitFiles


@dataclass(frozen=True)
class DataConfig:
    """Which images, and how they reach the device."""

    reader: Annotated[str, READERS]
    train: str | SplitFiles  # a split's name; "auto": the reader's rule, see its file; or {annotations: , images: }
    val: str | SplitFiles
    short: tuple[int, ...]  # shorter side after resizing, pixels; of several, each training image draws one
    long: int  # cap of the longer side, pixels
    test_short: int = 0  # pixels; 0: the largest of `short`
    test_long: int = 0  # pixels; 0: as `long`
    flip: float = 0.5  # probability of a horizontal flip
    crop: float = 0.0  # least share of each side that a random crop around an object keeps; 0: no crop
    jitter: float = 0.0  # brightness, contrast and saturation are multiplied by 1 - jitter to 1 + jitter
    classes: tuple[str, ...] = ()  # (): the reader's own list
    root: str = ""  # folder of the files, where --data-root does not say; from the folder of the recipe file
    train_images: int = 0  # of `shapes`: how many images to draw
    val_images: int = 0
    workers: int = 2  # loader processes; 0 reads in the training process
    skip_bad_images: bool = False  # continue without images that do not decode, up to 1 %
    exif: Literal["apply", "ignore"] = "apply"  # the EXIF orientation: turn images by it, as viewers do, or not
    max_pixels: int = MAX_PIXELS  # of an image, 1 or more; a larger one stops the run

    @property
    def at_test(self) -> tuple[int, int]:
        """Shorter side and cap of the longer side in evaluation, pixels."""
        return self.test_short or max(self.short), self.test_long or self.long

    @property
    def reading(self) -> Reading:
        """How image files become pixels."""
        return Reading(self.exif, self.max_pixels)

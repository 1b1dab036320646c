"""Boxes written as fractions of their image, as YOLO does, where pixels are read."""

from __future__ import annotations

import numpy as np

from experiments.runtime.errors import UserError

SHARE = 0.5  # of a file's boxes; nobody draws half of them below one pixel, in the first pixel


def in_unit_square(boxes: np.ndarray) -> np.ndarray:
    """(N,) bool: all four numbers of (N, 4) boxes, corners or sides, are 0 to 1, and one is no whole number."""
    return ((boxes >= 0) & (boxes <= 1)).all(1) & (boxes != np.round(boxes)).any(1)


def check_pixels(fractions: int, boxes: int, where: str) -> None:
    """UserError where the boxes of a file look normalised; `fractions`: how many are in the unit square."""
    if fractions > SHARE * boxes:
        raise UserError(
            f"{where}: {fractions} of {boxes} boxes lie within 0 to 1, so they look normalised; boxes are in pixels. "
            "Multiply x and w by the width of their image, y and h by its height."
        )

"""Detections, and the check at the door of every protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from experiments.runtime.errors import UserError

ROW = {"image": (), "boxes": (4,), "labels": (), "scores": ()}  # shape of a row
KINDS = {"image": np.integer, "boxes": np.floating, "labels": np.integer, "scores": np.floating}
WORDS = {np.integer: "whole numbers", np.floating: "floating-point numbers"}


@dataclass(frozen=True, eq=False)
class Detections:
    """D detections, in pixels of the original images."""

    image: np.ndarray  # (D,) position in the index, not the image's id
    boxes: np.ndarray  # (D, 4) float32 x1 y1 x2 y2
    labels: np.ndarray  # (D,)
    scores: np.ndarray  # (D,)

    def check(self, images: int, classes: int) -> None:
        """UserError for the first row that cannot be scored. One without area can: the official tools take it."""
        self._check_columns()
        for wrong, rule in (
            (
                (self.image < 0) | (self.image >= images),
                f"an image is a position, at least 0 and below {images}, not an id",
            ),
            (
                (self.labels < 0) | (self.labels >= classes),
                f"a label is the number of a class, at least 0 and below {classes}",
            ),
            (~np.isfinite(self.boxes).all(1), "the coordinates of a box are finite numbers of pixels"),
            ((self.boxes[:, 2:] < self.boxes[:, :2]).any(1), "a box is x1, y1, x2, y2 with x1 <= x2 and y1 <= y2"),
            (~np.isfinite(self.scores), "a score is a finite number"),
        ):
            if wrong.any():
                self._refuse(int(wrong.argmax()), rule)

    def _check_columns(self) -> None:
        columns = vars(self)
        for name, column in columns.items():
            kind, actual = KINDS[name], column.dtype if isinstance(column, np.ndarray) else type(column).__name__
            if not isinstance(actual, np.dtype) or not np.issubdtype(actual, kind):
                raise UserError(f"Detections: {name} is of type {actual}; it must be a NumPy array of {WORDS[kind]}.")
        shapes = {name: column.shape for name, column in columns.items()}
        if shapes != {name: (self.scores.size, *row) for name, row in ROW.items()}:
            listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
            raise UserError(f"Detections: the shapes are {listed}; they must be (D,), (D, 4), (D,), (D,).")

    def _refuse(self, row: int, rule: str) -> NoReturn:
        box = ", ".join(f"{x}" for x in self.boxes[row])
        raise UserError(
            f"Detection in row {row}, counted from 0: image {self.image[row]}, box ({box}), label {self.labels[row]}, "
            f"score {self.scores[row]}; {rule}. Correct what made it."
        )

"""One label file in YOLO's form: `class cx cy w h`, or `class x1 y1 x2 y2 x3 y3 ...` of a polygon, as shares."""

from __future__ import annotations

import math
from pathlib import Path

from experiments.data.parsing.annotation_fields import Field
from experiments.data.parsing.image_folder import shown
from experiments.data.parsing.text_lists import read_lines
from experiments.runtime.errors import UserError

ROUNDED = 1e-6  # how far tools that round six decimals come past 1
BOX = tuple(
    Field(name, 0, 1, f"of the image's {side}", tolerance=ROUNDED)
    for name, side in (("cx", "width"), ("cy", "height"), ("w", "width"), ("h", "height"))
)
POLYGON = tuple(
    Field(name, 0, 1, f"of the image's {side}", tolerance=ROUNDED) for name, side in (("x", "width"), ("y", "height"))
)


def class_field(classes: int) -> Field:
    """The first column."""
    return Field("class", 0, classes - 1, whole=True)


def read_label_file(path: Path, classes: int, keypoints: int) -> list[tuple[int, tuple[float, ...]]]:
    """Class and x1 y1 x2 y2 as shares, of each object. keypoints: numbers of a pose after a box; 0: no pose.

    Raises UserError, naming line, field, value and range.
    """
    lines = enumerate(read_lines(path), 1)
    return [_row(line, f"{path}, line {n}", class_field(classes), keypoints) for n, line in lines if line.strip()]


def looks_like_labels(path: Path) -> bool:
    """Whether the first line of a text file consists of numbers, five at least."""
    try:
        words = next((line.split() for line in read_lines(path) if line.strip()), [])
        return len(words) >= 5 and all(math.isfinite(float(word)) for word in words)
    except (UserError, ValueError):
        return False


def _row(line: str, where: str, label: Field, keypoints: int) -> tuple[int, tuple[float, ...]]:
    words = line.split()
    number = int(label.read(words[0], where))
    if len(words) == 5 + keypoints:
        x, y, w, h = (field.read(word, where) for field, word in zip(BOX, words[1:5], strict=True))
        return number, (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    if keypoints or len(words) < 7 or len(words) % 2 == 0:
        pose = (
            f" and the {keypoints} numbers of kpt_shape" if keypoints else ", or class and the x y of 3 or more corners"
        )
        raise UserError(f"{where} is '{shown(line)}'; it must be class cx cy w h{pose}.")
    xs, ys = ([field.read(word, where) for word in words[i::2]] for i, field in enumerate(POLYGON, 1))
    return number, (min(xs), min(ys), max(xs), max(ys))

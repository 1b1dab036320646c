"""Boxes drawn on images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from experiments.data.index import Index

COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "orange", "white")  # by class, in turn


def spread(index: Index, images: int) -> list[int]:
    """Positions of so many images, or of all, from the emptiest to the fullest."""
    by_count = np.argsort(np.diff(index.offsets), kind="stable")
    return by_count[np.linspace(0, len(index) - 1, min(images, len(index))).astype(int)].tolist()


def picture_of(image: Tensor) -> Image.Image:
    """image: (3, H, W) uint8."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())


def outline(picture: Image.Image, boxes: np.ndarray, colours: Iterable[str], texts: Iterable[str]) -> None:
    """Draws boxes (n, 4), px of the picture, each with its colour and what is written into its corner."""
    pen = ImageDraw.Draw(picture)
    for (x1, y1, x2, y2), colour, text in zip(boxes.tolist(), colours, texts, strict=True):
        pen.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour)
        if text:
            pen.rectangle(pen.textbbox((x1 + 2, y1 + 1), text), fill="black")
            pen.text((x1 + 2, y1 + 1), text, fill=colour)


def colour_of(label: int) -> str:
    return COLOURS[label % len(COLOURS)]

"""A sheet of validation images with the truth and what a model detects, to look at while it trains."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from experiments.data.index import Index
from experiments.data.pictures import colour_of, outline, picture_of, spread
from experiments.data.pixels import BadImage
from experiments.protocols.interface import Detections
from experiments.records.files import write_atomic
from experiments.records.run_folder import RunFolder

COLUMNS, ROWS, TILE, GAP = 3, 2, 320, 4  # images, images, px, px
DRAWN = 0.3  # score from which a detection is drawn
WRITTEN = 10  # the best of an image have their class and score written beside them


def write_sheet(folder: RunFolder, index: Index, detected: Detections) -> None:
    """Puts the sheet of these detections (px of the original images) in the place of the last one."""
    sheet = Image.new("RGB", (COLUMNS * (TILE + GAP), ROWS * (TILE + GAP)), "dimgrey")
    for place, position in enumerate(spread(index, COLUMNS * ROWS)):
        try:
            tile = _tile(index, position, detected)
        except BadImage:  # the evaluation has counted it; its place stays empty
            continue
        sheet.paste(tile, (place % COLUMNS * (TILE + GAP), place // COLUMNS * (TILE + GAP)))
    buffer = BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    write_atomic(folder.sheet, buffer.getvalue())


def _tile(index: Index, position: int, detected: Detections) -> Image.Image:
    """Truth in white, ignore regions in grey, detections in the colour of their class. Raises BadImage."""
    picture = picture_of(index.read(position))
    scale = TILE / max(picture.size)
    picture = picture.resize([max(1, round(scale * side)) for side in picture.size])
    boxes, _, ignore = index.of(position)
    outline(picture, scale * boxes, np.where(ignore, "grey", "white").tolist(), [""] * len(boxes))
    rows = np.flatnonzero((detected.image == position) & (detected.scores >= DRAWN))
    rows = rows[np.argsort(detected.scores[rows], kind="stable")]  # the best lie on top
    labels, scores = detected.labels[rows].tolist(), detected.scores[rows].tolist()
    texts = [f"{index.classes[label]} {score:.2f}" for label, score in zip(labels, scores, strict=True)]
    texts[:-WRITTEN] = [""] * len(texts[:-WRITTEN])
    outline(picture, scale * detected.boxes[rows], map(colour_of, labels), texts)
    return picture

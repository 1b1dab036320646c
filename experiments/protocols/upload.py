"""The file that COCO's evaluation server takes: a JSON list of detections in a zip of the same name.

https://cocodataset.org, pages "Results Format" and "Upload Results to Evaluation Server". The server has taken nothing
since January 2026 (cocodataset/cocoapi, issues 691 and 693).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np

from experiments.protocols.detections import Detections
from experiments.records.files import replacing

TESTSET = "test-dev2017"
DECIMALS = 1  # of a coordinate, as the format page advises


def upload_name(algorithm: str) -> str:
    """Of the JSON file and the zip, without their endings; what is no letter, digit or hyphen becomes a hyphen."""
    return f"detections_{TESTSET}_{re.sub('[^A-Za-z0-9]+', '-', algorithm).strip('-')}_results"


def write_upload(
    folder: Path, algorithm: str, detected: Detections, image_ids: np.ndarray, category_ids: np.ndarray
) -> Path:
    """The zip. image_ids (n,) of the positions that detections name, category_ids (K,) of the labels."""
    name = upload_name(algorithm)
    path = folder / f"{name}.zip"
    with replacing(path) as target, ZipFile(target, "w") as archive:
        entry = ZipInfo(f"{name}.json")  # without a date: the same detections are the same bytes
        entry.compress_type = ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as file, io.TextIOWrapper(file, "ascii") as text:
            text.writelines(_lines(detected, image_ids, category_ids))
    return path


def _lines(detected: Detections, image_ids: np.ndarray, category_ids: np.ndarray) -> Iterator[str]:
    """JSON, a detection a line: hundred for each of twenty thousand images are not held at once."""
    yield "["
    images, categories = image_ids[detected.image], category_ids[detected.labels]
    for i, (image, category) in enumerate(zip(images.tolist(), categories.tolist(), strict=True)):
        x, y, right, bottom = detected.boxes[i].tolist()
        box = ", ".join(f"{value:.{DECIMALS}f}" for value in (x, y, right - x, bottom - y))
        score = np.format_float_positional(detected.scores[i], trim="0")
        row = f'"image_id": {image}, "category_id": {category}, "bbox": [{box}], "score": {score}'
        yield f"{',' if i else ''}\n{{{row}}}"
    yield "\n]\n"

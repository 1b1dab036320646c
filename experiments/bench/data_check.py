"""The data check of many small images: the first, which decodes and hashes, and the second, where nothing changed.

python -m experiments.bench.data_check [IMAGES]    default: 100000, 0.5 GB on disk
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.data.image_files import hash_file

IMAGES, WIDTH, HEIGHT = 100_000, 64, 48
HASHED = 100_000_000  # bytes


def write_dataset(root: Path, images: int) -> Path:
    """The recipe of a dataset of JPEG files of like size, no two of them alike."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=50)
    (root / "annotations").mkdir()
    for split, number in (("train", images - images // 20), ("val", images // 20)):
        (root / split).mkdir()
        for i in range(number):
            (root / split / f"{i}.jpg").write_bytes(_commented(buffer.getvalue(), f"{split} {i}".encode()))
        listed = [{"id": i, "file_name": f"{i}.jpg", "height": HEIGHT, "width": WIDTH} for i in range(number)]
        boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 30, 30]} for i in range(number)]
        data = {"images": listed, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(data))
    recipe = root / "own.yaml"
    recipe.write_text("like: coco\ndata: {root: ., train: train, val: val}\n")
    return recipe


def _commented(jpeg: bytes, comment: bytes) -> bytes:
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def report_data_check(images: int = IMAGES // 20) -> None:
    """By default a twentieth, which takes seconds."""
    begin = time.process_time()
    hash_file(BytesIO(bytes(HASHED)))
    print(f"\nhashing: {HASHED / 1e6 / (time.process_time() - begin):.0f} MB/s of a core")
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "experiments.run", "--check-data", "--dataset", str(write_dataset(Path(folder), images))]
        apart = os.environ | {"ASSIGNBENCH_CACHE": f"{folder}/cache"}
        for run in ("first", "second"):
            begin = time.perf_counter()
            subprocess.run([sys.executable, *words], check=True, capture_output=True, env=apart)
            print(f"{run} data check of {images} images: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    report_data_check(int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)

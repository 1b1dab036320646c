"""An index of Objects365's size: read from a generated file, opened from the cache, shared with the loader's workers.

python -m experiments.bench.bigset [IMAGES BOXES]    default: 1742292 25407598, 5.8 GB on disk
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np

from experiments.data.cache import cached
from experiments.data.index import Index
from experiments.data.loader import train_loader
from experiments.data.parsing.coco_json import read_coco
from experiments.data.parsing.image_folder import ImageFolder
from experiments.data.readers.objects365 import IGNORED
from experiments.recipes.load import load

IMAGES, BOXES, CLASSES = 1_742_292, 25_407_598, 365
BLOCK, PATCHES = 20_000, 51
WIDTH, HEIGHT = 769, 512


def write_annotations(path: Path, images: int, boxes: int) -> None:
    """A file in Objects365's layout, its records of real length."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write('{"images": [')
        _list(file, images, lambda low, high: [_image(i) for i in range(low, high)])
        file.write('], "annotations": [')
        _list(file, boxes, lambda low, high: _annotations(low, high, images, rng))
        categories = ", ".join(f'{{"id": {k}, "name": "class {k} "}}' for k in range(1, CLASSES + 1))
        file.write(f'], "categories": [{categories}]}}')


def _list(file: TextIO, count: int, records) -> None:
    for low in range(0, count, BLOCK):
        file.write((", " if low else "") + ", ".join(records(low, min(low + BLOCK, count))))


def image_name(i: int) -> str:
    return f"images/v1/patch{i % PATCHES}/objects365_v1_{i:08}.jpg"


def _image(i: int) -> str:
    return (
        f'{{"height": {HEIGHT}, "id": {i}, "license": 5, "width": {WIDTH}, "file_name": "{image_name(i)}", "url": ""}}'
    )


def _annotations(low: int, high: int, images: int, rng: np.random.Generator) -> list[str]:
    n = high - low
    boxes = rng.random((n, 4)) * (600, 400, 160, 100) + (0, 0, 4, 4)
    rows = zip(
        boxes.tolist(), rng.integers(images, size=n).tolist(), rng.integers(CLASSES, size=n).tolist(), strict=True
    )
    return [
        f'{{"id": {i}, "iscrowd": 0, "isfake": 0, "area": {w * h}, "isreflected": 0, "bbox": [{x}, {y}, {w}, {h}], '
        f'"image_id": {image}, "category_id": {label + 1}}}'
        for i, ((x, y, w, h), image, label) in enumerate(rows, low)
    ]


def opened(path: Path, images: int) -> Index:
    """Through the cache; the images themselves are taken as present."""

    def read() -> Index:
        folder = ImageFolder(path.parent, path.parent, frozenset(map(image_name, range(images))))
        return read_coco("objects365", path, folder, (), IGNORED)

    return cached(("objects365", path.stem), path.parent, [path], read)


def apart(work) -> dict[str, float]:
    """Runs `work` in a process of its own: seconds, and the peak of its memory, MiB."""
    begin = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError("the work failed, see above")
    return {"s": time.perf_counter() - begin, "MiB": usage.ru_maxrss / 1024}


def worker_memory(index: Index) -> float:
    """MiB that belong to one loader worker alone after 50 steps; images are synthetic, 32 x 32 px, none is read."""
    index = replace(index, draw=lambda i: np.zeros((3, 32, 32), np.uint8))
    data = load("coco", "fcos", ["data.short=32", "data.long=32", "data.workers=2"], 0).data
    batches = train_loader(index, data, 16, 0, range(90_000))
    for _, _ in zip(range(50), batches, strict=False):
        pass
    memory = [_private(int(pid)) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    batches.close()
    return max(memory)


def _private(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def report_big_dataset(images: int = IMAGES // 20, boxes: int = BOXES // 20) -> None:
    """By default a twentieth, which takes seconds."""
    print(f"\nan index of {images} images and {boxes} boxes of {CLASSES} classes; memory with torch loaded:")
    bare = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("ASSIGNBENCH_CACHE")
        os.environ["ASSIGNBENCH_CACHE"] = f"{folder}/cache"
        try:
            path = Path(folder, "zhiyuan_objv2_train.json")
            write_annotations(path, images, boxes)
            print(f"file {path.stat().st_size / 2**30:.2f} GiB; {bare:.0f} MiB before anything is read")
            for action in ("read and written into the cache", "opened from the cache"):
                print(f"{action}: {{s:.2f}} s, peak {{MiB:.0f}} MiB".format(**apart(lambda: opened(path, images))))
            index = opened(path, images)
            begin = time.perf_counter()
            opened(path, images).digest()
            print(f"opened again, with its hash, in the same process: {time.perf_counter() - begin:.2f} s")
            few = index.only(np.arange(64))
            small, large = worker_memory(few), worker_memory(index)
            print(f"a loader worker's own memory: {small:.0f} MiB with 64 images, {large:.0f} MiB with all")
        finally:
            if before is None:
                del os.environ["ASSIGNBENCH_CACHE"]
            else:
                os.environ["ASSIGNBENCH_CACHE"] = before


if __name__ == "__main__":
    report_big_dataset(*(map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (IMAGES, BOXES)))

"""Reader of YOLO's text layout: data.yaml or a list of classes, images, and a label file for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing.clean import Record, build_index
from experiments.data.parsing.yolo_layout import Sample, entries, list_all, samples
from experiments.data.parsing.yolo_names import describe
from experiments.data.parsing.yolo_text import read_label_file
from experiments.data.pixels import image_size
from experiments.data.readers import Reader, Request
from experiments.runtime.errors import UserError, unknown


def read(request: Request) -> Index:
    """Split: a key of data.yaml such as train, else a folder of images or an image list below the root.

    An image without a label file has no object. Sizes come from the images' headers. `request.classes`: () or a subset
    of the names, in the order wanted.
    """
    root, files = request.root, list_all(request.root)
    description = describe(root, request.split)
    classes = tuple(request.classes) or description.classes
    for name in classes:
        if name not in description.classes:
            raise UserError(f"{description.path}: {unknown('class', name, list(description.classes))}")
    listed = samples(files, description, request.split)
    if not listed:
        raise UserError(
            f"{entries(files, description, request.split)[0]}: no image is there. Add one, or remove the split."
        )
    labels = [classes.index(name) if name in classes else -1 for name in description.classes]
    rows = [_rows(root, sample, len(labels), description.keypoints) for sample in listed]
    records = [_record(request, *pair, number, labels) for number, pair in enumerate(zip(listed, rows, strict=True), 1)]
    other_class = sum(labels[label] < 0 for objects in rows for label, _ in objects)
    index = build_index("yolo", classes, records, str(root), clean=request.clean)
    return replace(index, counters=index.counters | {"other_class": other_class})


def sources(request: Request) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    root, files = request.root, list_all(request.root)
    description = describe(root, request.split)
    labels = [sample.label for sample in samples(files, description, request.split) if sample.label]
    return [description.path, *entries(files, description, request.split), *(root / name for name in labels)]


def _rows(root: Path, sample: Sample, classes: int, keypoints: int) -> list[tuple[int, tuple[float, ...]]]:
    return [] if sample.label is None else read_label_file(root / sample.label, classes, keypoints)


def _record(request: Request, sample: Sample, rows: list, image_id: int, labels: list[int]) -> Record:
    height, width = image_size(str(request.root / sample.image), request.exif)
    objects = [(labels[label], box) for label, box in rows if labels[label] >= 0]
    boxes = [(x1 * width, y1 * height, x2 * width, y2 * height) for _, (x1, y1, x2, y2) in objects]
    return Record(sample.image, image_id, height, width, boxes, [label for label, _ in objects], [False] * len(objects))


READER = Reader(read, sources)

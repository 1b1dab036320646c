"""JSON in the form of COCO's instances: the reader that COCO and Objects365 share, columns all the way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.data.index import Index
from experiments.data.packed_paths import Paths, join_paths, pack_paths
from experiments.data.parsing.clean import LIMIT, CleanBoxes, ImageColumns, assemble, clean
from experiments.data.parsing.coco_records import Annotation, Category, ImageRecord, no_images, records_of
from experiments.data.parsing.image_folder import ImageFolder, points_outside
from experiments.data.parsing.json_errors import Section, brief
from experiments.runtime.errors import UserError, unknown

NO_CATEGORY = -2  # -1: a category that is left out


@dataclass(frozen=True, eq=False)
class Images:
    """n images of a file, and how to find one by its id."""

    ids: np.ndarray  # (n,) int64
    sizes: np.ndarray  # (n, 2) int32 height, width
    paths: Paths
    order: np.ndarray  # (n,) positions by rising id

    def positions(self, ids: np.ndarray) -> np.ndarray:
        """Of each id, -1 for one that no image has."""
        rank = np.searchsorted(self.ids, ids, sorter=self.order).clip(max=len(self.ids) - 1)
        position = self.order[rank]
        return np.where(self.ids[position] == ids, position, -1)


@dataclass(frozen=True, eq=False)
class Labels:
    """Of the categories of a file: names by label, and the label of each id, -1 for one that is left out."""

    classes: tuple[str, ...]
    by_id: dict[int, int]


def read_coco(
    name: str, path: Path, folder: ImageFolder, classes: tuple[str, ...], ignored_flags: tuple[str, ...]
) -> Index:
    """One file, images in its order; `classes`: () or a subset, in the order wanted; `ignored_flags`: fields that make
    a box one to ignore. Raises UserError, naming file and record.
    """
    categories, images = [], []
    for section, records in records_of(path, ("images", "categories")):
        if section.name == "categories":
            categories += records
        else:
            images.append(_image_columns(records, folder, section))
    labels, images = _labels(categories, path, classes), _images(images, path, folder)
    boxes, ids, counters = [], [np.zeros(0, np.int64)], Counter(other_class=0)
    for section, records in records_of(path, ("annotations",)):
        numbers, columns = _boxes(records, images, labels, ignored_flags, counters, section)
        ids.append(numbers)
        boxes.append(columns)
    _unique(np.concatenate(ids), f"{path}, annotation")
    del ids  # assemble takes memory
    return assemble(
        ImageColumns(name, labels.classes, images.paths, images.ids, images.sizes, counters=counters), boxes
    )


def _image_columns(
    records: list[ImageRecord], folder: ImageFolder, section: Section
) -> tuple[np.ndarray, np.ndarray, Paths]:
    """Ids, sizes and paths of some images."""
    names = []
    for position, image in enumerate(records):
        name = folder.find(image.file_name)
        fault = _image_fault(image, name, folder)
        if fault:
            raise section.error(position, image.id, fault)
        names.append(folder.prefix + name)
    sizes = np.array([(image.height, image.width) for image in records], np.int32)
    return np.fromiter((image.id for image in records), np.int64, len(records)), sizes, pack_paths(names)


def _image_fault(image: ImageRecord, name: str | None, folder: ImageFolder) -> str:
    """What is wrong with an image, a sentence; "": nothing."""
    if not 0 <= image.id < 2**63:
        return "the id must be a whole number of 63 bits, not negative."
    if not (1 <= image.height <= LIMIT and 1 <= image.width <= LIMIT):
        return f"it is {brief(image.width)} x {brief(image.height)}; a side has 1 to {LIMIT} pixels."
    if points_outside(image.file_name):
        return f"file_name {brief(image.file_name)} points outside {folder.folder}. Use names inside that folder."
    if name is None:
        return f"{folder.folder}/{image.file_name} does not exist. Add the image, or remove its record."
    return ""


def _images(columns: list[tuple[np.ndarray, np.ndarray, Paths]], path: Path, folder: ImageFolder) -> Images:
    if not columns:
        raise no_images(path)
    ids, sizes, paths = zip(*columns, strict=True)
    ids = np.concatenate(ids)
    _unique(ids, f"{path}, image")
    return Images(ids, np.concatenate(sizes), join_paths(list(paths), str(folder.root)), np.argsort(ids, kind="stable"))


def _unique(ids: np.ndarray, where: str) -> None:
    """UserError where an id is used twice."""
    ids = np.sort(ids)
    again = np.flatnonzero(ids[1:] == ids[:-1])
    if len(again):
        raise UserError(f"{where} id {ids[again[0]]}: the id is used twice. Give each its own.")


def _labels(categories: list[Category], path: Path, classes: tuple[str, ...]) -> Labels:
    """Labels follow the ids, or `classes`."""
    names: dict[int, str] = {}
    for category in categories:
        where, name = f"{path}, category id {brief(category.id)}", category.name.strip()
        if category.id in names:
            raise UserError(f"{where}: the id is used twice. Give each its own.")
        if name in names.values():
            raise UserError(f"{where}: the name '{name}' is used twice. Give every category its own.")
        names[category.id] = name
    listed = [name for _, name in sorted(names.items())]
    for name in classes:
        if name not in listed:
            raise UserError(f"{path}: {unknown('class', name, listed)}")
    label = {name: i for i, name in enumerate(classes or listed)}
    return Labels(tuple(classes or listed), {number: label.get(name, -1) for number, name in names.items()})


def _boxes(
    records: list[Annotation],
    images: Images,
    labels: Labels,
    ignored_flags: tuple[str, ...],
    counters: Counter,
    section: Section,
) -> tuple[np.ndarray, CleanBoxes]:
    """The ids that some annotations bear, and their clean boxes; `counters` grow."""
    boxes = np.array([a.bbox for a in records], np.float64)  # (M, 4) x y w h
    label = np.array([labels.by_id.get(a.category_id, NO_CATEGORY) for a in records], np.int32)
    owner = images.positions(_column(records, "image_id", section))
    # The first annotation that does not fit its file is named.
    wrong = (owner < 0) | (label == NO_CATEGORY) | (np.abs(boxes) > LIMIT).any(1) | (boxes[:, 2:] < 0).any(1)
    for position in np.flatnonzero(wrong)[:1].tolist():
        raise section.error(position, records[position].id, _fault(records[position], owner[position] < 0, labels))
    ids = _column([a for a in records if a.id is not None], "id", section)
    ignore = np.array([any(getattr(a, flag) for flag in ignored_flags) for a in records], bool)
    area = np.array([math.nan if a.area is None else a.area for a in records])
    # Corners for sides, classes left out, boxes cut to their images.
    counters["other_class"] += int((label < 0).sum())
    boxes[:, 2:] += boxes[:, :2]
    used = label >= 0
    boxes, keep, touched = clean(boxes[used], images.sizes[owner[used]], False)
    counters.update(touched)
    owner, label, ignore, area = (x[used][keep] for x in (owner.astype(np.int32), label, ignore, area))
    boxes = boxes[keep]
    area = np.where(np.isnan(area), (boxes[:, 2:] - boxes[:, :2]).prod(1), area)
    return ids, CleanBoxes(owner, boxes, label, ignore, area)


def _column(records: list, key: str, section: Section) -> np.ndarray:
    """(M,) int64 of one field. Raises UserError for a number of more than 63 bits."""
    try:
        return np.fromiter((getattr(r, key) for r in records), np.int64, len(records))
    except OverflowError:
        position = next(i for i, r in enumerate(records) if not -(2**63) <= getattr(r, key) < 2**63)
        fault = f"'{key}' is {brief(getattr(records[position], key))}; it must fit 63 bits."
        raise section.error(position, records[position].id, fault) from None


def _fault(record: Annotation, alone: bool, labels: Labels) -> str:
    """Why an annotation does not fit its file; `alone`: its image is not listed."""
    if alone:
        return f"image_id {record.image_id} is not among the images. Remove the annotation, or add the image."
    if record.category_id not in labels.by_id:
        listed = ", ".join(str(k) for k in list(labels.by_id)[:90])
        return f"category_id {brief(record.category_id)} is not among the categories. Known: {listed}."
    box = brief(list(record.bbox))
    return f"bbox is {box}; it must be four finite numbers x y w h of at most {LIMIT}, w and h not negative."

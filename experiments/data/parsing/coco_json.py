"""JSON in the form of COCO's instances: the reader that COCO and Objects365 share, columns all the way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.data.index import Index
from experiments.data.parsing.clean import CleanBoxes, ImageColumns, assemble, clean_boxes
from experiments.data.parsing.coco_categories import Labels, check_names, labels_of
from experiments.data.parsing.coco_images import Images, all_images, check_unique, id_column, image_block
from experiments.data.parsing.coco_records import Annotation, records_of
from experiments.data.parsing.image_folder import ImageFolder
from experiments.data.parsing.json_errors import Section, brief
from experiments.data.parsing.normalised import check_pixels, in_unit_square

NO_CATEGORY = -2  # -1: a category that is left out
CROWD = ("iscrowd",)  # all that pycocotools heeds


@dataclass(frozen=True, eq=False)
class Form:
    """How the annotations of a file are to be taken."""

    ignored_flags: tuple[str, ...]  # fields that make a box one to ignore
    clean: bool


@dataclass(frozen=True, eq=False)
class Block:
    """Some annotations of a file."""

    ids: list[np.ndarray]  # of those that bear one: numbers, text
    categories: set[int]  # ids of the categories that have objects here
    fractions: int  # boxes in the unit square
    counters: Counter
    boxes: CleanBoxes


def read_coco(
    name: str,
    path: Path,
    folder: ImageFolder,
    classes: tuple[str, ...],
    ignored_flags: tuple[str, ...],
    clean: bool = True,
    exif: str = "apply",
) -> Index:
    """One file, images in its order; `classes`: () or a subset, in the order wanted; `ignored_flags`: fields that make
    a box one to ignore.

    clean: False for the split that is evaluated: boxes, areas and crowds as pycocotools takes them from the file, and
    classes that it does not list have no object there. Image ids that are text become their ranks from 1 in sorted
    order: id n is sorted(ids)[n - 1]. exif: data.exif, for sizes that the file lacks.

    Raises UserError, naming file and record.
    """
    categories, blocks = [], []
    for section, records in records_of(path, ("images", "categories")):
        if section.name == "categories":
            categories += records
        else:
            blocks.append(image_block(records, folder, section, exif))
    labels, images = labels_of(categories, path, classes, clean), all_images(blocks, path, folder.root)
    form = Form(ignored_flags if clean else CROWD, clean)
    boxes, ids, used, fractions, counters = [], [], set(), 0, Counter(other_class=0)
    for section, records in records_of(path, ("annotations",)):
        block = _block(records, images, labels, form, section)
        boxes.append(block.boxes)
        ids += block.ids
        used |= block.categories
        fractions += block.fractions
        counters.update(block.counters)
    check_names(labels, used, path)
    check_pixels(fractions, sum(len(block.owner) for block in boxes), str(path))
    _check_ids(ids, path)
    columns = ImageColumns(name, labels.classes, images.paths, images.numbers, images.sizes, counters=counters)
    return assemble(columns, boxes)


def _block(records: list[Annotation], images: Images, labels: Labels, form: Form, section: Section) -> Block:
    """Raises UserError for the first annotation that does not fit its file."""
    label = np.array([labels.by_id.get(a.category_id, NO_CATEGORY) for a in records], np.int32)
    owner = images.positions(id_column(records, "image_id", section))
    for position in np.flatnonzero((owner < 0) | (label == NO_CATEGORY))[:1].tolist():
        raise section.error(position, records[position].id, _fault(records[position], owner[position] < 0, labels))
    used = label >= 0
    boxes, touched, fractions = _boxes(records, used, owner.astype(np.int32), label, images, form)
    return Block(
        ids=_ids(records),
        categories={a.category_id for a in records},
        fractions=fractions,
        counters=Counter(touched, other_class=int((~used).sum())),
        boxes=boxes,
    )


def _boxes(
    records: list[Annotation], used: np.ndarray, owner: np.ndarray, label: np.ndarray, images: Images, form: Form
) -> tuple[CleanBoxes, Counter, int]:
    """The boxes of the classes in use, what was done to them, and how many lie in the unit square."""
    xywh = np.array([a.bbox for a in records], np.float64)[used]
    ignore = np.array([any(getattr(a, flag) for flag in form.ignored_flags) for a in records], bool)[used]
    area = np.array([math.nan if a.area is None else a.area for a in records])[used]
    owner, label = owner[used], label[used]
    corners = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
    boxes, keep, touched = clean_boxes(corners, images.sizes[owner], False, form.clean)
    owner, label, ignore, area, boxes, sides = (x[keep] for x in (owner, label, ignore, area, boxes, xywh))
    of_box = (boxes[:, 2:] - boxes[:, :2] if form.clean else sides[:, 2:]).prod(1)
    area = np.where(np.isnan(area), of_box, area)
    clean = CleanBoxes(owner, boxes, label, ignore, area, None if form.clean else sides)
    return clean, touched, int(in_unit_square(sides).sum())


def _check_ids(ids: list[np.ndarray], path: Path) -> None:
    """UserError where two annotations bear one id. Empties `ids`: the index that follows takes memory."""
    for kind in "iU":
        check_unique(np.concatenate([x for x in ids if x.dtype.kind == kind] or [np.zeros(0)]), f"{path}, annotation")
    ids.clear()


def _ids(records: list[Annotation]) -> list[np.ndarray]:
    """Numbers and text apart: an annotation's id is only looked at for doubles."""
    ids = [a.id for a in records if a.id is not None]
    return [
        np.array([x for x in ids if isinstance(x, kind)], dtype) for kind, dtype in ((int, np.int64), (str, np.str_))
    ]


def _fault(record: Annotation, alone: bool, labels: Labels) -> str:
    """Why an annotation does not fit its file; `alone`: its image is not listed."""
    if alone:
        image = brief(record.image_id)
        return f"image_id {image} is not among the images. Remove the annotation, or add the image."
    listed = ", ".join(str(k) for k in list(labels.by_id)[:90])
    return f"category_id {brief(record.category_id)} is not among the categories. Known: {listed}."

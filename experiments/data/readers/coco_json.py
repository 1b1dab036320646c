"""JSON in the form of COCO's instances: the reader that COCO and Objects365 share, columns all the way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from experiments.data.index import Index
from experiments.data.packed_paths import Paths, join, pack
from experiments.data.readers import json_stream
from experiments.data.readers.clean import LIMIT, Boxes, Source, assemble, clean
from experiments.data.readers.image_folder import Place, leads_out
from experiments.data.readers.json_errors import DAMAGE, Where, brief
from experiments.runtime.errors import UserError, unknown

NO_CATEGORY = -2  # -1: a category that is left out


class Image(msgspec.Struct, gc=False):
    id: int
    file_name: str
    height: int
    width: int


class Annotation(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]  # x y w h
    id: int | None = None
    area: float | None = None  # of the segmentation, px^2: COCO's size bins
    iscrowd: int | bool = 0
    isfake: int | bool = 0  # Objects365: a picture of the object


class Category(msgspec.Struct, gc=False):
    id: int
    name: str


KINDS = {"images": Image, "annotations": Annotation, "categories": Category}
DECODERS = {name: msgspec.json.Decoder(list[kind]) for name, kind in KINDS.items()}


@dataclass(frozen=True, eq=False)
class Images:
    """n images of a file, and how to find one by its id."""

    ids: np.ndarray  # (n,) int64
    sizes: np.ndarray  # (n, 2) int32 height, width
    paths: Paths
    order: np.ndarray  # (n,) positions by rising id

    def positions(self, ids: np.ndarray) -> np.ndarray:
        """Of each id, -1 for one that no image has."""
        place = np.searchsorted(self.ids, ids, sorter=self.order).clip(max=len(self.ids) - 1)
        found = self.order[place]
        return np.where(self.ids[found] == ids, found, -1)


@dataclass(frozen=True, eq=False)
class Labels:
    """Of the categories of a file: names by label, and the label of each id, -1 for one that is left out."""

    classes: tuple[str, ...]
    of: dict[int, int]


def read(name: str, path: Path, place: Place, classes: tuple[str, ...], unsure: tuple[str, ...]) -> Index:
    """One file, images in its order. `place`: where they lie; `classes`: () or a subset, in the order wanted; `unsure`:
    the flags that make a box one to ignore. Raises UserError, naming file and record.
    """
    categories, images = [], []
    for where, records in _records(path, ("images", "categories")):
        if where.name == "categories":
            categories += records
        else:
            images.append(_image_part(records, place, where))
    labels, images = _labels(categories, path, classes), _images(images, path, place)
    parts, ids, counters = [], [np.zeros(0, np.int64)], Counter(other_class=0)
    for where, records in _records(path, ("annotations",)):
        numbers, part = _boxes(records, images, labels, unsure, counters, where)
        ids.append(numbers)
        parts.append(part)
    _once(np.concatenate(ids), f"{path}, annotation")
    del ids
    return assemble(Source(name, labels.classes, images.paths, images.ids, images.sizes, counters=counters), parts)


def first_name(path: Path) -> str:
    """The file name of the first image. Raises UserError."""
    for _, records in _records(path, ("images",)):
        return records[0].file_name
    raise _none(path)


def _none(path: Path) -> UserError:
    return UserError(f"{path}: it lists no image. Check that the right file lies there.")


def _records(path: Path, names: tuple[str, ...]) -> Iterator[tuple[Where, list]]:
    """Typed records of these lists, and how to name them. Raises UserError."""
    before: Counter[str] = Counter()
    try:
        for name, text in json_stream.lists(path, tuple(KINDS)):
            if name not in names:
                continue
            where = Where(path, name, before[name])
            try:
                records = DECODERS[name].decode(text)
            except DAMAGE as error:
                raise where.unreadable(text, KINDS[name], error) from None
            yield where, records
            before[name] += len(records)
    except KeyError as error:
        raise UserError(
            f"{path}: it has no list '{error.args[0]}'. Give it the three lists images, annotations, categories."
        ) from None
    except DAMAGE as error:
        raise UserError(f"{path}: not a whole JSON file ({error}). Fetch it again.") from None


def _image_part(records: list[Image], place: Place, where: Where) -> tuple[np.ndarray, np.ndarray, Paths]:
    """Ids, sizes and paths of some images."""
    names = []
    for position, image in enumerate(records):
        name, said = place.find(image.file_name), None
        if not 0 <= image.id < 2**63:
            said = "the id must be a whole number of 63 bits, not negative."
        elif not (1 <= image.height <= LIMIT and 1 <= image.width <= LIMIT):
            said = f"it is {brief(image.width)} x {brief(image.height)}; a side has 1 to {LIMIT} pixels."
        elif leads_out(image.file_name):
            said = f"file_name {brief(image.file_name)} leads out of {place.folder}. Use names inside that folder."
        elif name is None:
            said = f"{place.folder}/{image.file_name} does not exist. Add the image, or remove its record."
        if said:
            raise where.error(position, image.id, said)
        names.append(place.prefix + name)
    sizes = np.array([(image.height, image.width) for image in records], np.int32)
    return np.fromiter((image.id for image in records), np.int64, len(records)), sizes, pack(names)


def _images(parts: list[tuple[np.ndarray, np.ndarray, Paths]], path: Path, place: Place) -> Images:
    if not parts:
        raise _none(path)
    ids, sizes, paths = zip(*parts, strict=True)
    ids = np.concatenate(ids)
    _once(ids, f"{path}, image")
    return Images(ids, np.concatenate(sizes), join(list(paths), str(place.root)), np.argsort(ids, kind="stable"))


def _once(ids: np.ndarray, where: str) -> None:
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
    known = [name for _, name in sorted(names.items())]
    for name in classes:
        if name not in known:
            raise UserError(f"{path}: {unknown('class', name, known)}")
    label = {name: i for i, name in enumerate(classes or known)}
    return Labels(tuple(classes or known), {number: label.get(name, -1) for number, name in names.items()})


def _boxes(
    records: list[Annotation], images: Images, labels: Labels, unsure: tuple[str, ...], counters: Counter, where: Where
) -> tuple[np.ndarray, Boxes]:
    """The ids that some annotations bear, and their clean boxes; `counters` grow."""
    boxes = np.array([a.bbox for a in records], np.float64)  # (M, 4) x y w h
    label = np.array([labels.of.get(a.category_id, NO_CATEGORY) for a in records], np.int32)
    owner = images.positions(_whole(records, "image_id", where))
    wrong = (owner < 0) | (label == NO_CATEGORY) | (np.abs(boxes) > LIMIT).any(1) | (boxes[:, 2:] < 0).any(1)
    for position in np.flatnonzero(wrong)[:1].tolist():
        raise where.error(position, records[position].id, _why(records[position], owner[position] < 0, labels))
    ids = _whole([a for a in records if a.id is not None], "id", where)
    ignore = np.array([any(getattr(a, flag) for flag in unsure) for a in records], bool)
    area = np.array([math.nan if a.area is None else a.area for a in records])
    counters["other_class"] += int((label < 0).sum())
    boxes[:, 2:] += boxes[:, :2]
    chosen = label >= 0
    boxes, keep, touched = clean(boxes[chosen], images.sizes[owner[chosen]], False)
    counters.update(touched)
    owner, label, ignore, area = (x[chosen][keep] for x in (owner.astype(np.int32), label, ignore, area))
    boxes = boxes[keep]
    area = np.where(np.isnan(area), (boxes[:, 2:] - boxes[:, :2]).prod(1), area)
    return ids, Boxes(owner, boxes, label, ignore, area)


def _whole(records: list, key: str, where: Where) -> np.ndarray:
    """(M,) int64 of one field. Raises UserError for a number of more than 63 bits."""
    try:
        return np.fromiter((getattr(r, key) for r in records), np.int64, len(records))
    except OverflowError:
        position = next(i for i, r in enumerate(records) if not -(2**63) <= getattr(r, key) < 2**63)
        said = f"'{key}' is {brief(getattr(records[position], key))}; it must fit 63 bits."
        raise where.error(position, records[position].id, said) from None


def _why(record: Annotation, alone: bool, labels: Labels) -> str:
    """Why an annotation does not fit its file; `alone`: its image is not listed."""
    if alone:
        return f"image_id {record.image_id} is not among the images. Remove the annotation, or add the image."
    if record.category_id not in labels.of:
        known = ", ".join(str(k) for k in list(labels.of)[:90])
        return f"category_id {brief(record.category_id)} is not among the categories. Known: {known}."
    box = brief(list(record.bbox))
    return f"bbox is {box}; it must be four finite numbers x y w h of at most {LIMIT}, w and h not negative."

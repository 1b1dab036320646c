"""The images of a file in COCO's form, as columns; ids are numbers, or text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.data.packed_paths import Paths, join_paths, pack_paths
from experiments.data.parsing.coco_records import ImageRecord, no_images
from experiments.data.parsing.image_folder import ImageFolder
from experiments.data.parsing.json_errors import Section, brief
from experiments.data.pixels import image_size
from experiments.runtime.errors import UserError


@dataclass(frozen=True, eq=False)
class Block:
    """Some images of a file."""

    ids: np.ndarray  # (m,) int64, or text
    sizes: np.ndarray  # (m, 2) int32 height, width
    paths: Paths


@dataclass(frozen=True, eq=False)
class Images:
    """n images of a file, and how to find one by its id."""

    ids: np.ndarray  # (n,) int64, or text
    sizes: np.ndarray  # (n, 2) int32 height, width
    paths: Paths
    order: np.ndarray  # (n,) positions by rising id

    def positions(self, ids: np.ndarray) -> np.ndarray:
        """Of each id, -1 for one that no image has."""
        if ids.dtype.kind != self.ids.dtype.kind:  # numpy would write the numbers as text
            return np.full(len(ids), -1)
        rank = np.searchsorted(self.ids, ids, sorter=self.order).clip(max=len(self.ids) - 1)
        position = self.order[rank]
        return np.where(self.ids[position] == ids, position, -1)

    @property
    def numbers(self) -> np.ndarray:
        """(n,) int64: the ids; of text, the rank of each from 1, in the order in which pycocotools sorts them."""
        if self.ids.dtype.kind == "i":
            return self.ids
        numbers = np.empty(len(self.ids), np.int64)
        numbers[self.order] = np.arange(1, len(self.ids) + 1)
        return numbers


def image_block(records: list[ImageRecord], folder: ImageFolder, section: Section, exif: str) -> Block:
    """exif: data.exif, for sizes that the records lack. Raises UserError, naming the record."""
    names = []
    for position, image in enumerate(records):
        name = folder.find(image.file_name)
        if name is None:
            raise section.error(position, image.id, folder.missing(image.file_name))
        names.append(folder.prefix + name)
    sizes = [_size(image, folder.root / name, exif) for image, name in zip(records, names, strict=True)]
    return Block(id_column(records, "id", section), np.array(sizes, np.int32), pack_paths(names))


def _size(image: ImageRecord, path: Path, exif: str) -> tuple[int, int]:
    """Height and width: the record's, or the image's own where the record lacks one."""
    absent = image.height is None or image.width is None
    return image_size(str(path), exif) if absent else (image.height, image.width)


def all_images(blocks: list[Block], path: Path, root: Path) -> Images:
    """The images of a file. Raises UserError."""
    if not blocks:
        raise no_images(path)
    if len({block.ids.dtype.kind for block in blocks}) > 1:
        raise UserError(f"{path}: some ids of images are text, others numbers. Write all of them in one way.")
    ids = np.concatenate([block.ids for block in blocks])
    check_unique(ids, f"{path}, image")
    paths = join_paths([block.paths for block in blocks], str(root))
    return Images(ids, np.concatenate([block.sizes for block in blocks]), paths, np.argsort(ids, kind="stable"))


def check_unique(ids: np.ndarray, where: str) -> None:
    """UserError where an id is used twice."""
    ids = np.sort(ids)
    again = np.flatnonzero(ids[1:] == ids[:-1])
    if len(again):
        raise UserError(f"{where} id {ids[again[0]]}: the id is used twice. Give each its own.")


def id_column(records: list, key: str, section: Section) -> np.ndarray:
    """(m,) int64, or text where all are text. Raises UserError where only some are."""
    values = [getattr(record, key) for record in records]
    if len(set(map(type, values))) > 1:
        odd = next(i for i, value in enumerate(values) if type(value) is not type(values[0]))
        fault = f"'{key}' is {brief(values[odd])}, and text and numbers are mixed. Write all of them in one way."
        raise section.error(odd, records[odd].id, fault)
    return np.array(values)

"""The records of a JSON file in COCO's form, typed, some thousand at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from experiments.data.parsing import json_stream
from experiments.data.parsing.json_errors import DAMAGE, Section
from experiments.runtime.errors import UserError


class ImageRecord(msgspec.Struct, gc=False):
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


KINDS = {"images": ImageRecord, "annotations": Annotation, "categories": Category}
DECODERS = {name: msgspec.json.Decoder(list[kind]) for name, kind in KINDS.items()}


def records_of(path: Path, names: tuple[str, ...]) -> Iterator[tuple[Section, list]]:
    """Typed records of these lists, and how to name them. Raises UserError."""
    before: Counter[str] = Counter()
    try:
        for name, text in json_stream.lists(path, tuple(KINDS)):
            if name not in names:
                continue
            section = Section(path, name, before[name])
            try:
                records = DECODERS[name].decode(text)
            except DAMAGE as error:
                raise section.unreadable(text, KINDS[name], error) from None
            yield section, records
            before[name] += len(records)
    except KeyError as error:
        raise UserError(
            f"{path}: it has no list '{error.args[0]}'. Give it the three lists images, annotations, categories."
        ) from None
    except DAMAGE as error:
        raise UserError(f"{path}: truncated or invalid JSON ({error}). Fetch it again.") from None


def first_name(path: Path) -> str:
    """The file name of the first image. Raises UserError."""
    for _, records in records_of(path, ("images",)):
        return records[0].file_name
    raise no_images(path)


def no_images(path: Path) -> UserError:
    return UserError(f"{path}: it lists no image. Check that this is the right file.")

"""The records of a JSON file in COCO's form, some thousand at a time: each field that is read, its type and range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from experiments.data.parsing import json_stream
from experiments.data.parsing.clean import LIMIT
from experiments.data.parsing.json_errors import DAMAGE, Section
from experiments.runtime.errors import UserError

AREA_LIMIT = LIMIT**2  # px^2
ID_TEXT = 200  # characters
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Text = Annotated[str, Meta(pattern=r"\S")]
IdText = Annotated[str, Meta(pattern=r"^[^\x00]*[^\x00\s][^\x00]*\Z", max_length=ID_TEXT)]
Flag = Annotated[int, Meta(ge=0, le=1)] | bool
Side = Annotated[int, Meta(ge=1, le=LIMIT)]  # of an image, pixels
Corner = Annotated[float, Meta(ge=-LIMIT, le=LIMIT)]  # of a box, pixels
Extent = Annotated[float, Meta(ge=0, le=LIMIT)]
Area = Annotated[float, Meta(ge=0, le=AREA_LIMIT)]

# The description is what an error says that the field must be.
WHOLE = Meta(description="a whole number from 0 to 2^63 - 1")
ID = Meta(description=f"a whole number from 0 to 2^63 - 1, or text of 1 to {ID_TEXT} characters")
TEXT = Meta(description="text that is not empty")
FLAG = Meta(description="0 or 1")
SIDE = Meta(description=f"a whole number of pixels from 1 to {LIMIT}, or left out where the image's own size counts")
BOX = Meta(description=f"four finite numbers x y w h in pixels, of at most {LIMIT}, w and h not negative")
AREA = Meta(
    description=f"a finite number of square pixels from 0 to {AREA_LIMIT:.0e}, or left out: the box's area counts"
)


class ImageRecord(msgspec.Struct, gc=False):
    id: Annotated[Whole | IdText, ID]
    file_name: Annotated[Text, TEXT]
    height: Annotated[Side | None, SIDE] = None
    width: Annotated[Side | None, SIDE] = None


class Annotation(msgspec.Struct, gc=False):
    image_id: Annotated[Whole | IdText, ID]
    category_id: Annotated[Whole, WHOLE]
    bbox: Annotated[tuple[Corner, Corner, Extent, Extent], BOX]
    id: Annotated[Whole | IdText | None, ID] = None
    area: Annotated[Area | None, AREA] = None  # of the segmentation: COCO's size bins
    iscrowd: Annotated[Flag, FLAG] = 0  # `ignore` is not read: pycocotools writes iscrowd over it
    isfake: Annotated[Flag, FLAG] = 0  # Objects365: a picture of the object


class Category(msgspec.Struct, gc=False):
    id: Annotated[Whole, WHOLE]
    name: Annotated[Text, TEXT]


KINDS = {"images": ImageRecord, "annotations": Annotation, "categories": Category}
DECODERS = {name: msgspec.json.Decoder(list[kind]) for name, kind in KINDS.items()}


def records_of(
    path: Path, names: tuple[str, ...], needed: tuple[str, ...] = tuple(KINDS)
) -> Iterator[tuple[Section, list]]:
    """Typed records of these lists, and how to name them; needed: lists that the file must have. Raises UserError."""
    before: Counter[str] = Counter()
    try:
        for name, text in json_stream.lists(path, needed):
            if name not in names:
                continue
            section = Section(path, name, before[name])
            try:
                records = json_stream.decode(DECODERS[name], text)
            except DAMAGE as error:
                raise section.unreadable(text, KINDS[name], error) from None
            yield section, records
            before[name] += len(records)
    except KeyError as error:
        raise UserError(f"{path}: it has no list '{error.args[0]}'. Give it the lists {', '.join(needed)}.") from None
    except DAMAGE as error:
        raise UserError(f"{path}: truncated or invalid JSON ({error}). Fetch it again.") from None


def first_name(path: Path) -> str:
    """The file name of the first image. Raises UserError."""
    for _, records in records_of(path, ("images",)):
        return records[0].file_name
    raise no_images(path)


def no_images(path: Path) -> UserError:
    return UserError(f"{path}: it lists no image. Check that this is the right file.")

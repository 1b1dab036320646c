"""Reader of WIDER FACE: the official text lists, images by event; one class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing.annotation_fields import Field
from experiments.data.parsing.clean import LIMIT, Record, build_index
from experiments.data.parsing.image_folder import ENDINGS, ImageFolder, list_folder, missing_data, shown
from experiments.data.parsing.text_lists import read_lines
from experiments.data.pixels import image_size
from experiments.data.readers import Reader, Request
from experiments.runtime.errors import UserError

CLASSES = ("face",)
COLUMNS = 10  # x y w h blur expression illumination invalid occlusion pose
FACES = Field("the number of its faces", 0, 999_999, whole=True)
FIELDS = {  # of the columns that are read
    0: Field("x", -LIMIT, LIMIT, "pixels", whole=True),
    1: Field("y", -LIMIT, LIMIT, "pixels", whole=True),
    2: Field("w", -100, LIMIT, "pixels", whole=True),  # the official lists have sides of 0, of -2 and of -26
    3: Field("h", -100, LIMIT, "pixels", whole=True),
    7: Field("invalid", 0, 1, whole=True),
}


@dataclass(frozen=True)
class Entry:
    """One image of a list."""

    name: str  # event/file.jpg
    line: int  # of the list, where the name stands
    boxes: list[tuple[float, ...]]  # x1 y1 x2 y2, whole pixels; the official lists have sides of 0, -2, -26
    invalid: list[bool]  # too blurred or too small to judge: neither learned nor counted


def read(request: Request) -> Index:
    """root/wider_face_split/wider_face_{split}_bbx_gt.txt and root/WIDER_{split}/images/<event>/*.jpg.

    A split such as val_sample has its own list, wider_face_val_bbx_gt_sample.txt, and the images of val. The lists tell
    no image sizes: each image's header is read. `request.classes`: () or one name.
    """
    root, classes = request.root, tuple(request.classes)
    if len(classes) > 1:
        raise UserError(f"WIDER FACE has one class, data.classes names {len(classes)}. Leave data.classes out.")
    listing, folder = sources(request)
    images = list_folder(root, folder)
    records = [_record(entry, listing, images, i, request.exif) for i, entry in enumerate(entries(listing), 1)]
    if not records:
        raise UserError(f"{listing}: the list is empty. Fetch wider_face_split.zip again.")
    return build_index("widerface", classes or CLASSES, records, str(root), clean=request.clean)


def sources(request: Request) -> list[Path]:
    """The list and the folder of images whose change makes the index another one."""
    root, split = request.root, request.split
    match = re.fullmatch(r"(train|val)(_\w+)?", split)
    if not match:
        raise UserError(f"'{split}' is no split of WIDER FACE with boxes. Write train or val.")
    listing = root / "wider_face_split" / f"wider_face_{match[1]}_bbx_gt{match[2] or ''}.txt"
    folder = root / f"WIDER_{match[1]}" / "images"
    for required in (listing, folder):
        if not required.exists():
            layout = f"hold wider_face_split/ and WIDER_{match[1]}/images/"
            raise missing_data("WIDER FACE", str(required), layout, root)
    return [listing, folder]


def entries(listing: Path) -> Iterator[Entry]:
    """The images of a list with their faces. Raises UserError, naming the line."""
    lines = read_lines(listing)
    while lines and not lines[-1].strip():
        lines.pop()
    at, first_line = 0, {}
    while at < len(lines):
        name, where = lines[at].strip(), f"{listing}, line {at + 1} '{shown(lines[at].strip())}'"
        if not name.lower().endswith(ENDINGS):
            raise UserError(f"{where}: an image's name was expected. Fetch the list again.")
        if first_line.setdefault(name, at + 1) != at + 1:
            raise UserError(
                f"{where}: this image stands before, on line {first_line[name]}. Cut one of them, with its rows."
            )
        count = int(FACES.read(lines[at + 1] if at + 1 < len(lines) else None, where))
        faces = [_row(lines, at + 2 + i, listing) for i in range(count)]
        yield Entry(name, at + 1, [face[0] for face in faces], [face[1] for face in faces])
        at += 2 + len(faces)
        if not faces and at < len(lines) and set(lines[at].split()) == {"0"}:  # official: a row of zeros for no face
            at += 1


def _row(lines: list[str], at: int, listing: Path) -> tuple[tuple[float, ...], bool]:
    """Box and `invalid` of a face."""
    words, where = lines[at].split() if at < len(lines) else [], f"{listing}, line {at + 1}"
    if len(words) != COLUMNS:
        fault = f"is '{shown(lines[at])}'" if at < len(lines) else "is missing"
        raise UserError(f"{where} {fault}; it must be ten numbers, x y w h first.")
    x, y, w, h, invalid = (field.read(words[column], where) for column, field in FIELDS.items())
    return (x, y, x + w, y + h), bool(invalid)


def _record(entry: Entry, listing: Path, images: ImageFolder, number: int, exif: str) -> Record:
    name = images.find(entry.name)
    if name is None:
        raise UserError(f"{listing}, line {entry.line}: {images.missing(entry.name)}")
    height, width = image_size(str(images.folder / name), exif)
    labels = [0] * len(entry.boxes)
    return Record(images.prefix + name, number, height, width, entry.boxes, labels, entry.invalid)


READER = Reader(read, sources)

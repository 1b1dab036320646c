"""Reader of WIDER FACE: the official text lists, images by event; one class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing.clean import LIMIT, Record, build_index
from experiments.data.parsing.image_folder import ImageFolder, list_folder, missing_data, points_outside
from experiments.data.pixels import image_size
from experiments.data.readers import Reader
from experiments.runtime.errors import UserError

CLASSES = ("face",)
COLUMNS = 10  # x y w h blur expression illumination invalid occlusion pose
INVALID = 7


@dataclass(frozen=True)
class Entry:
    """One image of a list."""

    name: str  # event/file.jpg
    line: int  # of the list, where the name stands
    boxes: list[tuple[int, ...]]  # x1 y1 x2 y2, pixels; the official lists have sides of 0 and of -2
    invalid: list[bool]  # too blurred or too small to judge: neither learned nor counted


def read(root: Path, split: str, classes: tuple[str, ...], exif: str = "ignore") -> Index:
    """root/wider_face_split/wider_face_{split}_bbx_gt.txt and root/WIDER_{split}/images/<event>/*.jpg.

    A split such as val_sample has its own list, wider_face_val_bbx_gt_sample.txt, and the images of val. The lists tell
    no image sizes: each image's header is read. `classes`: () or one name.
    """
    if len(classes) > 1:
        raise UserError(f"WIDER FACE has one class, data.classes names {len(classes)}. Leave data.classes out.")
    listing, folder = sources(root, split)
    images = list_folder(root, folder)
    records = [_record(entry, listing, images, i, exif) for i, entry in enumerate(entries(listing), 1)]
    if not records:
        raise UserError(f"{listing}: the list is empty. Fetch wider_face_split.zip again.")
    return build_index("widerface", tuple(classes) or CLASSES, records, str(root))


def sources(root: Path, split: str) -> list[Path]:
    """The list and the folder of images whose change makes the index another one."""
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
    try:
        lines = listing.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{listing}: not a text file ({error}). Fetch it again.") from None
    while lines and not lines[-1].strip():
        lines.pop()
    at = 0
    while at < len(lines):
        name, where = lines[at].strip(), f"{listing}, line {at + 1} '{lines[at].strip()[:80]}'"
        if not name.endswith((".jpg", ".jpeg", ".png")):
            raise UserError(f"{where}: an image's name was expected. Fetch the list again.")
        count = lines[at + 1].strip() if at + 1 < len(lines) else ""
        if not re.fullmatch(r"\d{1,6}", count):
            raise UserError(f"{where}: the number of its faces does not follow. Fetch the list again.")
        faces = [_row(lines, at + 2 + i, listing) for i in range(int(count))]
        yield Entry(name, at + 1, [face[0] for face in faces], [face[1] for face in faces])
        at += 2 + len(faces)
        if not faces and at < len(lines) and set(lines[at].split()) == {"0"}:  # official: a row of zeros for no face
            at += 1


def _row(lines: list[str], at: int, listing: Path) -> tuple[tuple[int, ...], bool]:
    """Box and `invalid` of a face."""
    words = lines[at].split() if at < len(lines) else []
    if len(words) != COLUMNS or not all(re.fullmatch(r"-?\d{1,9}", word) for word in words):
        fault = f"is '{lines[at][:80]}'" if at < len(lines) else "is missing"
        raise UserError(f"{listing}: line {at + 1} {fault}; it must be ten whole numbers, x y w h first.")
    x, y, w, h = map(int, words[:4])
    if max(map(abs, (x, y, w, h))) > LIMIT:
        raise UserError(f"{listing}: line {at + 1} is '{lines[at][:80]}'; no number is above {LIMIT} pixels.")
    return (x, y, x + w, y + h), words[INVALID] == "1"


def _record(entry: Entry, listing: Path, images: ImageFolder, number: int, exif: str) -> Record:
    where = f"{listing}, line {entry.line}"
    if points_outside(entry.name):
        raise UserError(f"{where}: '{entry.name}' points outside {images.folder}. Use names inside that folder.")
    name = images.find(entry.name)
    if name is None:
        raise UserError(f"{where}: {images.folder}/{entry.name} does not exist. Add the image, or remove its lines.")
    height, width = image_size(str(images.folder / name), exif)
    labels = [0] * len(entry.boxes)
    return Record(images.prefix + name, number, height, width, entry.boxes, labels, entry.invalid)


READER = Reader(lambda q: read(q.root, q.split, q.classes, q.exif), lambda q: sources(q.root, q.split))

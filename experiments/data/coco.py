"""Reader of the COCO layout: one JSON a split, boxes as x y w h."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path, PurePosixPath

from experiments.data.index import Index, Record, build
from experiments.errors import UserError, unknown


def read(root: Path, split: str, classes: tuple[str, ...]) -> Index:
    """root/annotations/instances_{split}.json and root/{split}/; `classes`: () or a subset, in the order wanted."""
    path, folder = _locate(root, split)
    data = _load(path)
    categories = _categories(data["categories"], path, tuple(classes))
    names = tuple(classes) or tuple(name for name, _ in categories.values())
    records = _images(data["images"], path, folder)
    for position, item in enumerate(data["annotations"]):
        where = f"{path}, annotation {_name(item, position)}"
        _add(item, where, records, categories)
    return build("coco", names, records.values())


def resolve(root: Path, split: str) -> str:
    """COCO splits stand for themselves."""
    return split


def _locate(root: Path, split: str) -> tuple[Path, Path]:
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no COCO split. Write a name such as train2017.")
    path, folder = root / "annotations" / f"instances_{split}.json", root / split
    for wanted in (path, folder):
        if not wanted.exists():
            raise UserError(
                f"No COCO data: looked for {wanted}. --data-root must hold annotations/instances_{split}.json and the "
                f"images in {split}/; {root} {'is incomplete' if root.is_dir() else 'does not exist'}."
            )
    return path, folder


def _load(path: Path) -> dict:
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: not a whole JSON file ({error}). Fetch it again.") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(data, dict) or not isinstance(data.get(key), list):
            raise UserError(f"{path}: it has no list '{key}'. Give it the three lists images, annotations, categories.")
    return data


def _name(item: object, position: int) -> str:
    """How an error names a record: by its id, else by its place."""
    known = item.get("id") if isinstance(item, dict) else None
    return f"number {position + 1}" if known is None else f"id {known}"


def _field(item: object, key: str, kinds: tuple[type, ...], where: str) -> object:
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kinds) or isinstance(value, bool):
        said = "is missing" if value is None else f"is {value!r:.40}"
        raise UserError(f"{where}: '{key}' {said}; it must be {' or '.join(k.__name__ for k in kinds)}.")
    return value


def _categories(items: list, path: Path, classes: tuple[str, ...]) -> dict[int, tuple[str, int]]:
    """Category id -> (name, label or -1 where `classes` leaves it out); labels follow the ids."""
    names: dict[int, str] = {}
    for position, item in enumerate(items):
        where = f"{path}, category {_name(item, position)}"
        number, name = _field(item, "id", (int,), where), _field(item, "name", (str,), where)
        if number in names:
            raise UserError(f"{where}: the id is used twice. Give every category its own.")
        names[number] = name.strip()
    names = dict(sorted(names.items()))
    known = list(names.values())
    for name in classes:
        if name not in known:
            raise UserError(f"{path}: {unknown('class', name, known)}")
    labels = {name: i for i, name in enumerate(classes)} if classes else None
    return {k: (name, i if labels is None else labels.get(name, -1)) for i, (k, name) in enumerate(names.items())}


def _images(items: list, path: Path, folder: Path) -> dict[int, Record]:
    """Image id -> record without boxes."""
    present = _listing(folder)
    records: dict[int, Record] = {}
    for position, item in enumerate(items):
        where = f"{path}, image {_name(item, position)}"
        number, name = _field(item, "id", (int,), where), _field(item, "file_name", (str,), where)
        height, width = (_field(item, key, (int,), where) for key in ("height", "width"))
        if number in records or number < 0 or min(height, width) < 1:
            raise UserError(
                f"{where}: id {number}, {width} x {height}; ids must be unique, and no number negative or 0 px."
            )
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in name:
            raise UserError(f"{where}: file_name '{name}' leads out of {folder}. Use names inside that folder.")
        if str(parts) not in present:
            raise UserError(f"{where}: {folder / name} does not exist. Add the image, or remove its record.")
        records[number] = Record(str(folder / name), number, height, width, [], [], [])
    if not records:
        raise UserError(f"{path}: it lists no image. Check that the right file lies there.")
    return records


def _listing(folder: Path) -> set[str]:
    """Relative names of all files, read once: a stat an image is slow on network disks."""
    found = set()
    for place, _, files in os.walk(folder):
        prefix = Path(place).relative_to(folder)
        found.update((prefix / name).as_posix() for name in files)
    return found


def _add(item: object, where: str, records: dict[int, Record], categories: dict[int, tuple[str, int]]) -> None:
    image, category = _field(item, "image_id", (int,), where), _field(item, "category_id", (int,), where)
    box = _field(item, "bbox", (list,), where)
    if image not in records:
        raise UserError(f"{where}: image_id {image} is not among the images. Remove the annotation, or add the image.")
    if category not in categories:
        raise UserError(f"{where}: category_id {category} is not among the categories. Known: {_ids(categories)}.")
    numbers = len(box) == 4 and all(type(x) in (int, float) and math.isfinite(x) for x in box)
    if not numbers or box[2] < 0 or box[3] < 0:
        raise UserError(f"{where}: bbox is {box!r:.80}; it must be four finite numbers x y w h, w and h not negative.")
    label = categories[category][1]
    if label < 0:
        return
    x, y, w, h = box
    record = records[image]
    record.boxes.append((x, y, x + w, y + h))
    record.labels.append(label)
    record.ignore.append(bool(item.get("iscrowd", 0)))


def _ids(categories: dict[int, tuple[str, int]]) -> str:
    return ", ".join(str(k) for k in list(categories)[:90])

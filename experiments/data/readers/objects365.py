"""Reader of Objects365, v1 and v2: COCO's JSON, classes as the file has them, images in patches."""

from __future__ import annotations

import os
import re
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing import coco_json, coco_records
from experiments.data.parsing.image_folder import ImageFolder, list_folder, missing_data, pieces, points_outside
from experiments.data.readers import Reader
from experiments.runtime.errors import UserError

IGNORED = ("iscrowd", "isfake")  # a group, a picture of the object
FILES = (  # v2 and v1 as distributed, then as copies are named
    "zhiyuan_objv2_{split}.json",
    "objects365_{split}_20190423.json",
    "objects365_v2_{split}.json",
    "objects365_v1_{split}.json",
    "objects365_{split}.json",
    "instances_{split}.json",
)
FOLDERS = ((".", 0), ("{split}", 0), ("{split}", 2), ("images/{split}", 2), ("{split}", 1), ("images/{split}", 1))


def read(root: Path, split: str, classes: tuple[str, ...], clean: bool = True, exif: str = "ignore") -> Index:
    """root/annotations/zhiyuan_objv2_{split}.json and images/v1/patchN/*.jpg, or {split}/patchN/*.jpg as unpacked.

    `classes`: () or a subset, in the order wanted. Names lose the blanks at their ends. clean: False for the split that
    is evaluated, where fakes count as pycocotools counts them.
    """
    path = sources(root, split)[0]
    images = _folder(root, split, path)
    return coco_json.read_coco("objects365", path, images, tuple(classes), IGNORED, clean, exif)


def sources(root: Path, split: str) -> list[Path]:
    """The file whose change makes the index another one."""
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no split of Objects365. Write train or val.")
    names = [name.format(split=split) for name in FILES]
    for folder in (root / "annotations", root):
        for name in names:
            if (folder / name).is_file():
                return [folder / name]
    expected = f"{root}/annotations/{names[0]} (or {', '.join(names[1:])})"
    raise missing_data("Objects365", expected, f"hold it, and the images in images/v1/patchN/ or {split}/patchN/", root)


def _folder(root: Path, split: str, path: Path) -> ImageFolder:
    """The first folder that holds the first image, by its whole name or the end of it."""
    name = coco_records.first_name(path)
    for folder, parts in FOLDERS:
        at = root / folder.format(split=split)
        if not points_outside(name) and os.path.isfile(at.joinpath(*pieces(name)[-parts:])):
            return list_folder(root, at, parts)
    raise UserError(
        f"{path}, first image: no {name!r:.80} below {root}, {root / split} or {root / 'images' / split}. "
        f"Put the images into images/v1/patchN/, as the file names them, or {split}/patchN/."
    )


READER = Reader(lambda q: read(q.root, q.split, q.classes, q.clean, q.exif), lambda q: sources(q.root, q.split))

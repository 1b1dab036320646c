"""Reader of Objects365, v1 and v2: COCO's JSON, classes as the file has them, images in patches."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from experiments.data.index import Index
from experiments.data.readers import coco_json
from experiments.data.readers.image_folder import Place, leads_out, missing, place
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


def read(root: Path, split: str, classes: tuple[str, ...]) -> Index:
    """root/annotations/zhiyuan_objv2_{split}.json and images/v1/patchN/*.jpg, or {split}/patchN/*.jpg as unpacked.

    `classes`: () or a subset, in the order wanted. Names lose the blanks at their ends.
    """
    path = sources(root, split)[0]
    return coco_json.read("objects365", path, _place(root, split, path), tuple(classes), IGNORED)


def resolve(root: Path, split: str) -> str:
    """The splits stand for themselves."""
    return split


def sources(root: Path, split: str) -> list[Path]:
    """The file whose change makes the index another one."""
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no split of Objects365. Write train or val.")
    names = [name.format(split=split) for name in FILES]
    for folder in (root / "annotations", root):
        for name in names:
            if (folder / name).is_file():
                return [folder / name]
    wanted = f"{root}/annotations/{names[0]} (or {', '.join(names[1:])})"
    raise missing("Objects365", wanted, f"hold it, and the images in images/v1/patchN/ or {split}/patchN/", root)


def _place(root: Path, split: str, path: Path) -> Place:
    """The first folder that holds the first image, by its whole name or the end of it."""
    name = coco_json.first_name(path)
    for folder, parts in FOLDERS:
        at = root / folder.format(split=split)
        if not leads_out(name) and os.path.isfile(at.joinpath(*PurePosixPath(name).parts[-parts:])):
            return place(root, at, parts)
    raise UserError(
        f"{path}, first image: no {name!r:.80} below {root}, {root / split} or {root / 'images' / split}. "
        f"Put the images into images/v1/patchN/, as the file names them, or {split}/patchN/."
    )

"""Reader of the COCO layout: one JSON a split, boxes as x y w h. One's own data fits here too."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.data.index import Index
from experiments.data.readers import coco_json
from experiments.data.readers.image_folder import missing, place
from experiments.runtime.errors import UserError

IGNORED = ("iscrowd",)


def read(root: Path, split: str, classes: tuple[str, ...]) -> Index:
    """root/annotations/instances_{split}.json and root/{split}/; `classes`: () or a subset, in the order wanted."""
    path, folder = sources(root, split)
    return coco_json.read("coco", path, place(root, folder), tuple(classes), IGNORED)


def resolve(root: Path, split: str) -> str:
    """COCO splits stand for themselves."""
    return split


def sources(root: Path, split: str) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no COCO split. Write a name such as train2017.")
    path, folder = root / "annotations" / f"instances_{split}.json", root / split
    for wanted in (path, folder):
        if not wanted.exists():
            layout = f"hold annotations/instances_{split}.json and the images in {split}/"
            raise missing("COCO", str(wanted), layout, root)
    return [path, folder]

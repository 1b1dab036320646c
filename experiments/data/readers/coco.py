"""Reader of the COCO layout: one JSON a split, boxes as x y w h. One's own data fits here too."""

from __future__ import annotations

import re
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing import coco_json
from experiments.data.parsing.image_folder import list_folder, missing_data
from experiments.data.readers import Reader
from experiments.runtime.errors import UserError

IGNORED = ("iscrowd",)


def read(root: Path, split: str, classes: tuple[str, ...]) -> Index:
    """root/annotations/instances_{split}.json and root/{split}/; `classes`: () or a subset, in the order wanted."""
    path, folder = sources(root, split)
    return coco_json.read_coco("coco", path, list_folder(root, folder), tuple(classes), IGNORED)


def sources(root: Path, split: str) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no COCO split. Write a name such as train2017.")
    path, folder = root / "annotations" / f"instances_{split}.json", root / split
    for required in (path, folder):
        if not required.exists():
            layout = f"hold annotations/instances_{split}.json and the images in {split}/"
            raise missing_data("COCO", str(required), layout, root)
    return [path, folder]


READER = Reader(lambda q: read(q.root, q.split, q.classes), lambda q: sources(q.root, q.split))

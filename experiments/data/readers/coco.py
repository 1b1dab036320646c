"""Reader of the COCO layout: one JSON a split, boxes as x y w h. One's own data and exports fit here too."""

from __future__ import annotations

import os
import re
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing import coco_json
from experiments.data.parsing.image_folder import list_folder, missing_data
from experiments.data.readers import Reader, SplitFiles
from experiments.runtime.errors import UserError

IGNORED = ("iscrowd",)


def read(
    root: Path, split: str | SplitFiles, classes: tuple[str, ...], clean: bool = True, exif: str = "apply"
) -> Index:
    """root/annotations/instances_{split}.json and root/{split}/, or the files that `split` names.

    `classes`: () or a subset, in the order wanted. clean: False for the split that is evaluated.
    exif: data.exif, for sizes that the file lacks.
    """
    path, folder = sources(root, split)
    images = list_folder(root, below(root, folder))
    return coco_json.read_coco("coco", path, images, tuple(classes), IGNORED, clean, exif)


def sources(root: Path, split: str | SplitFiles) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    if isinstance(split, SplitFiles):
        return named_files(root, split)
    if not re.fullmatch(r"[\w-]+", split):
        raise UserError(f"'{split}' is no COCO split. Write a name such as train2017, or {NAMED}.")
    path, folder = root / "annotations" / f"instances_{split}.json", root / split
    for required in (path, folder):
        if not required.exists():
            layout = f"hold annotations/instances_{split}.json and the images in {split}/"
            raise missing_data("COCO", str(required), layout, root)
    return [path, folder]


NAMED = "{annotations: FILE, images: FOLDER}"


def named_files(root: Path, split: SplitFiles) -> list[Path]:
    """The file and the folder. Raises UserError where one is missing."""
    path, folder = root / split.annotations, root / split.images
    if not path.is_file():
        raise UserError(f"annotations: there is no file {path}. Write it as {NAMED}, from the data root {root}.")
    if not folder.is_dir():
        raise UserError(f"images: there is no folder {folder}. Write it as {NAMED}, from the data root {root}.")
    return [path, folder]


def below(root: Path, folder: Path) -> Path:
    """The same folder as a way from `root`: an absolute one may lie elsewhere, and images are named from the root."""
    return folder if folder.is_relative_to(root) else root / os.path.relpath(folder.resolve(), root.resolve())


READER = Reader(
    lambda q: read(q.root, q.files or q.split, q.classes, q.clean, q.exif),
    lambda q: sources(q.root, q.files or q.split),
    named_files=True,
)

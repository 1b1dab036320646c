"""What a dataset lacks and what it has, without its reader: asked where the reader stopped at the first fault."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

LISTS = ("train", "val", "trainval", "test")
SUFFIXES = (".jpg", ".jpeg", ".png")


def missing_files(root: Path) -> list[str]:
    """Files that the lists of VOC and the JSON of COCO name below `root`, and that are not there."""
    expected = {path for layout in (_voc(root), _coco(root)) for path in layout}
    return sorted(str(path) for path in expected if not path.is_file())


def image_files(root: Path) -> list[str]:
    """Every image file below `root`."""
    paths = []
    for folder, _, files in os.walk(root):
        paths += [os.path.join(folder, name) for name in files if name.lower().endswith(SUFFIXES)]
    return sorted(paths)


def _voc(root: Path) -> Iterator[Path]:
    for folder in (root, *root.glob("VOC20*"), *root.glob("VOCdevkit/VOC20*")):
        for listing in (folder / "ImageSets" / "Main" / f"{name}.txt" for name in LISTS):
            lines = listing.read_text(errors="replace").splitlines() if listing.is_file() else []
            for stem in (words[0] for words in map(str.split, lines) if words and _inside(words[0])):
                yield folder / "JPEGImages" / f"{stem}.jpg"
                yield folder / "Annotations" / f"{stem}.xml"


def _coco(root: Path) -> Iterator[Path]:
    for path in root.glob("annotations/instances_*.json"):
        try:
            images = json.loads(path.read_bytes())["images"]
            names = [image["file_name"] for image in images]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue  # the reader says what is wrong with it
        folder = root / path.stem.removeprefix("instances_")
        yield from (folder / name for name in names if isinstance(name, str) and _inside(name))


def _inside(name: str) -> bool:
    return name.isprintable() and not name.startswith("/") and ".." not in PurePosixPath(name).parts

"""What a dataset lacks and what it has, without its reader: asked where the reader stopped at the first fault."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from experiments.data.parsing.image_folder import ENDINGS, folded, list_folder

LISTS = ("train", "val", "trainval", "test")
XML = (".xml",)


def missing_files(root: Path) -> list[str]:
    """Files that the lists of VOC and the JSON of COCO name below `root`, and that are not there."""
    return sorted({str(path) for layout in (_voc(root), _coco(root)) for path in layout})


def image_files(root: Path) -> list[str]:
    """Every image file below `root`, also behind links."""
    return [str(root / name) for name in list_folder(root, root).files(ENDINGS)]


def _voc(root: Path) -> Iterator[Path]:
    for folder in (root, *root.glob("VOC20*"), *root.glob("VOCdevkit/VOC20*")):
        listings = [folder / "ImageSets" / "Main" / f"{name}.txt" for name in LISTS]
        stems = [stem for listing in listings if listing.is_file() for stem in _stems(listing)]
        for inner, suffixes in (("JPEGImages", ENDINGS), ("Annotations", XML)):
            names = {path.name for path in folder.glob(f"{inner}/*") if path.suffix.lower() in suffixes}
            present = {folded(os.path.splitext(name)[0]) for name in names}
            endings = Counter(os.path.splitext(name)[1] for name in sorted(names)).most_common(1)
            ending = endings[0][0] if endings else suffixes[0]  # as the others of the folder
            yield from (folder / inner / f"{stem}{ending}" for stem in stems if folded(stem) not in present)


def _stems(listing: Path) -> Iterator[str]:
    """Of the images of a list, in UTF-8 or UTF-16: each line without a flag and without an ending."""
    data = listing.read_bytes()
    coding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    for line in data.decode(coding, errors="replace").splitlines():
        name = re.sub(r"\s+(-1|0|1)$", "", line.strip())
        stem, ending = os.path.splitext(name)
        if name and _inside(name):
            yield stem if ending.lower() in ENDINGS else name


def _coco(root: Path) -> Iterator[Path]:
    for path in root.glob("annotations/instances_*.json"):
        folder = root / path.stem.removeprefix("instances_")
        names = [name.replace("\\", "/").lstrip("/") for name in _file_names(path)]
        yield from (folder / name for name in names if _inside(name) and not _is_file(folder / name))


def _file_names(path: Path) -> list[str]:
    """Those that are names; what else is wrong with the file its reader says."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    images = data.get("images") if isinstance(data, dict) else None
    records = [x for x in images if isinstance(x, dict)] if isinstance(images, list) else []
    return [x["file_name"] for x in records if isinstance(x.get("file_name"), str)]


def _is_file(path: Path) -> bool:
    """Also where its accents are written in the other form."""
    return any(os.path.isfile(form) for form in (path, *(unicodedata.normalize(x, str(path)) for x in ("NFC", "NFD"))))


def _inside(name: str) -> bool:
    return name.isprintable() and not name.startswith("/") and ".." not in PurePosixPath(name).parts

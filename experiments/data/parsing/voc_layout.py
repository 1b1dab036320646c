"""Where the files of a VOC split lie: by image lists, or side by side, as labelImg and Roboflow leave them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.data.parsing.image_folder import (
    ENDINGS,
    ImageFolder,
    list_folder,
    missing_data,
    pieces,
    points_outside,
    shown,
)
from experiments.data.parsing.text_lists import read_lines
from experiments.runtime.console import say
from experiments.runtime.errors import UserError

LISTED = "JPEGImages/*.jpg, Annotations/*.xml and ImageSets/Main/<split>.txt"
FOLDERS = (("Annotations", "JPEGImages"), ("Annotations", "images"), ("annotations", "images"), (".", "."))
XML = (".xml",)


@dataclass(frozen=True)
class Sample:
    """One image of a split."""

    origin: str  # where it is named: file and line
    images: tuple[str, ...]  # below the data root; several files of one stem are told apart by the annotation
    annotation: Path


@dataclass(frozen=True)
class Split:
    """Where one part of a split lies, such as 2007_trainval, or train."""

    images: Path
    annotations: Path
    listing: Path | None  # None: every annotation in the folder


def year_folder(root: Path, year: str) -> Path:
    """VOC2007 below VOCdevkit, or below the root."""
    devkit = root / "VOCdevkit"
    return (devkit if devkit.is_dir() else root) / f"VOC{year}"


def splits(root: Path, names: str) -> list[Split]:
    """Of `2007_trainval+2012_trainval` for a devkit, of a list's or a folder's name else. Raises UserError."""
    folder = root.joinpath(*pieces(names))
    return [_split(root, name) for name in ([names] if folder.is_dir() else names.split("+"))]


def _split(root: Path, name: str) -> Split:
    if points_outside(name) or not name:
        raise UserError(
            f"'{name}' is no VOC split. Write 2007_trainval+2012_trainval, or the name of a list or a folder."
        )
    year = re.fullmatch(r"(\d{4})_(.+)", name)
    folder, listed = (year_folder(root, year[1]), year[2]) if year else (root, name)
    listing = folder.joinpath("ImageSets", "Main", *pieces(f"{listed}.txt"))
    inner = root.joinpath(*pieces(name))
    if listing.is_file() or not inner.is_dir():
        for required in (folder / "JPEGImages", folder / "Annotations", listing):
            if not required.exists():
                raise missing_voc(root, required)
        return Split(folder / "JPEGImages", folder / "Annotations", listing)
    pairs = ((inner / annotations, inner / images) for annotations, images in FOLDERS)
    annotations, images = next(pair for pair in pairs if pair[0].is_dir() and pair[1].is_dir())
    return Split(images, annotations, None)


def missing_voc(root: Path, path: Path) -> UserError:
    """The error for a split that is not there."""
    layout = (
        f"be the parent of VOCdevkit, VOCdevkit itself (VOC2007, VOC2012 inside), a folder with {LISTED}, "
        "or hold folders of images and XML files, named as the split is"
    )
    return missing_data("VOC", str(path), layout, root)


def split_sources(root: Path, split: Split) -> list[Path]:
    """The files and folders whose change makes the index another one."""
    files = list_folder(root, split.annotations).files(XML)
    listing = [] if split.listing is None else [split.listing]
    return [*listing, split.images, *(split.annotations / name for name in files)]


def samples(root: Path, split: Split) -> Iterator[Sample]:
    """The images of a part of a split, in its order. Raises UserError."""
    images, annotations = list_folder(root, split.images), list_folder(root, split.annotations)
    return _beside(images, annotations) if split.listing is None else _listed(split.listing, images, annotations)


def _beside(images: ImageFolder, annotations: ImageFolder) -> Iterator[Sample]:
    """One a XML file; an image without one is not annotated."""
    names = annotations.files(XML)
    if not names:
        raise UserError(f"{annotations.folder}: no XML file is there. Name the folder that holds images and XML files.")
    used: set[str] = set()
    for name in names:
        path = annotations.folder / name
        files = images.with_stem(os.path.splitext(name)[0])
        if not files:
            raise UserError(f"{path}: {images.folder} has no image of this name. Add it, or remove the XML file.")
        used.update(files)
        yield Sample(str(path), tuple(images.prefix + file for file in files), path)
    if unlisted := [file for file in images.files(ENDINGS) if file not in used]:
        say(f"{images.folder}: {len(unlisted)} images have no XML file and are left out, the first is {unlisted[0]}.")


def _listed(listing: Path, images: ImageFolder, annotations: ImageFolder) -> Iterator[Sample]:
    lines = [(number, line.strip()) for number, line in enumerate(read_lines(listing), 1) if line.strip()]
    if not lines:
        raise UserError(f"{listing}: the list is empty. Put one image name, without .jpg, on each line.")
    for number, line in lines:
        where = f"{listing}, line {number} '{shown(line)}'"
        files = _files(line, images)
        if not files:
            raise UserError(f"{where}: {images.folder} has no such image. Add it, or cut the line.")
        stem = os.path.splitext(files[0])[0]
        paths = annotations.with_stem(stem, XML)
        if len(paths) > 1:
            raise UserError(f"{where}: {annotations.folder} has both {' and '.join(paths)}. Remove one.")
        path = annotations.folder / (paths[0] if paths else f"{stem}.xml")
        yield Sample(where, tuple(images.prefix + file for file in files), path)


def _files(line: str, images: ImageFolder) -> list[str]:
    """The image files of a line: the whole of it is a name, or what comes before a flag of -1, 0 or 1."""
    flagged = re.fullmatch(r"(.*\S)\s+(-1|0|1)", line)
    for text in (line, *([flagged[1]] if flagged else [])):
        for name in (text, text[1:-1] if re.fullmatch(r'".+"', text) else text):
            exact = images.find(name) if name.lower().endswith(ENDINGS) else None
            if files := images.with_stem(name) or [exact] * bool(exact):
                return files
    return []

"""Where the files of a YOLO split lie: as Ultralytics, Roboflow, CVAT, Label Studio and labelImg leave them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from experiments.data.parsing.image_folder import (
    ENDINGS,
    ImageFolder,
    folded,
    list_folder,
    missing_data,
    pieces,
    points_outside,
    shown,
)
from experiments.data.parsing.text_lists import read_lines
from experiments.data.parsing.yolo_names import Description
from experiments.data.parsing.yolo_text import looks_like_labels
from experiments.runtime.errors import UserError

TXT = (".txt",)
ALIASES = {"val": ("val", "valid", "validation"), "valid": ("valid", "val", "validation")}


@dataclass(frozen=True)
class Sample:
    """One image of a split; names below the root."""

    image: str
    label: str | None  # None: no label file, so no object


def list_all(root: Path) -> ImageFolder:
    """All files below the root. Raises UserError where there is no such folder."""
    if not root.is_dir():
        raise missing_data("YOLO", str(root), "hold data.yaml, images/ and labels/", root)
    return list_folder(root, root)


def entries(files: ImageFolder, description: Description, split: str) -> list[Path]:
    """The folders of images and the image lists of a split. Raises UserError."""
    names = next((description.splits[key] for key in ALIASES.get(split, (split,)) if key in description.splits), None)
    where = f"{description.path}, {split}" if names else "data.train or data.val of the recipe"
    return [_entry(files.root, description, name, where) for name in names or (split,)]


def _entry(root: Path, description: Description, name: str, where: str) -> Path:
    inner = _below(root, name)
    inner = inner[
        next((i for i, piece in enumerate(inner) if piece != ".."), len(inner)) :
    ]  # Roboflow: ../train/images
    if ".." in inner or "\0" in name:
        raise UserError(f"{where}: '{shown(name)}' points outside {root}. Write it from {root} on.")
    for folder in (description.base, root):
        for path in (folder.joinpath(*inner), folder.joinpath(*inner[:-1], f"{inner[-1]}.txt") if inner else folder):
            if path.exists():
                return path
    advice = f"Write a folder of images or an image list, from {root} on."
    raise UserError(f"{where}: '{shown(name)}' does not exist below {root}. {advice}")


def _below(root: Path, name: str) -> tuple[str, ...]:
    """The pieces of a name from the root on, also of an absolute one."""
    for top in (root.absolute(), root.resolve()):
        if PurePosixPath(name).is_relative_to(top.as_posix()):
            return PurePosixPath(name).relative_to(top.as_posix()).parts
    return pieces(name)


def samples(files: ImageFolder, description: Description, split: str) -> list[Sample]:
    """In the order of the lists, or of the names. Raises UserError."""
    origins: dict[str, str] = {}
    for entry in entries(files, description, split):
        for name, where in _names(files, description, entry):
            if name in origins:
                raise UserError(f"{where}: {name} stands before, at {origins[name]}. Cut one of them.")
            origins[name] = where
    listed = [Sample(name, label_file(files, name)) for name in origins]
    _check_labels(files, listed, origins)
    return listed


def _names(files: ImageFolder, description: Description, entry: Path) -> Iterator[tuple[str, str]]:
    """Images of a folder or a list, and where each is named."""
    if entry.is_dir():
        folder = list_folder(files.root, entry)
        for name in folder.files(ENDINGS):
            yield folder.prefix + name, str(entry)
        return
    bases = [entry.parent.relative_to(files.root), description.base.relative_to(files.root), Path()]
    for number, line in enumerate(read_lines(entry), 1):
        if name := line.strip():
            where = f"{entry}, line {number}"
            yield _listed(files, bases, name, where), where


def _listed(files: ImageFolder, bases: list[Path], name: str, where: str) -> str:
    inner = "/".join(_below(files.root, name))
    if points_outside(inner):
        raise UserError(f"{where}: '{shown(name)}' points outside {files.root}. Write it from there on.")
    for text in (inner, inner.removeprefix("data/")):  # CVAT's lists begin with data/
        for base in bases:
            if hit := files.find((base / text).as_posix()):
                return hit
    raise UserError(f"{where}: {files.missing(inner)}")


def label_stems(name: str) -> tuple[str, ...]:
    """Where the label file of an image may lie, without its ending: labels/ in the place of images/, or beside it."""
    stem = os.path.splitext(name)[0]
    before, images, after = f"/{stem}".rpartition("/images/")
    return (f"{before}/labels/{after}".lstrip("/"), stem) if images else (stem,)


def label_file(files: ImageFolder, name: str) -> str | None:
    """Below the root. Raises UserError where several fit."""
    for stem in label_stems(name):
        names = files.with_stem(stem, TXT)
        if len(names) > 1:
            raise UserError(f"{files.root / name}: there are both {' and '.join(names)}. Remove one.")
        if names:
            return names[0]
    return None


def _check_labels(files: ImageFolder, listed: list[Sample], origins: dict[str, str]) -> None:
    """UserError where a label file belongs to two images or to none, or where there is none at all."""
    owners: dict[str, str] = {}
    for sample in listed:
        stem = label_stems(sample.image)[0]
        if stem in owners:
            both = f"{owners[stem]} and {sample.image}"
            raise UserError(f"{origins[sample.image]}: {both} share the labels {stem}.txt. Remove one of them.")
        owners[stem] = sample.image
    if listed and not any(sample.label for sample in listed):
        first = files.root / f"{label_stems(listed[0].image)[0]}.txt"
        raise UserError(f"{first}: no image of {origins[listed[0].image]} has a label file. Put them there.")
    owned = {folded(stem) for name in files.files(ENDINGS) for stem in label_stems(name)}
    folders = {os.path.dirname(stem) for sample in listed for stem in label_stems(sample.image)}
    for name in files.files(TXT):
        stem = os.path.splitext(name)[0]
        if folded(stem) not in owned and os.path.dirname(stem) in folders and looks_like_labels(files.root / name):
            raise UserError(f"{files.root / name}: no image has these labels. Add the image, or remove the file.")

"""Where the images of a dataset lie, and which names of an annotation file lead to one."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from experiments.runtime.errors import UserError

ENDINGS = tuple(  # of image files, in any case
    f".{name}" for name in "jpg jpeg jpe jfif png bmp dib webp tif tiff gif ppm pgm pbm pnm jp2 mpo".split()
)


@dataclass(frozen=True)
class ImageFolder:
    """A folder below the data root, listed once: a stat an image is slow on network disks."""

    root: Path
    folder: Path
    present: frozenset[str]  # names below `folder`, with slashes
    parts: int = 0  # of a file name in the annotations, from its end, that count here; 0: all

    def find(self, name: str) -> str | None:
        """The name below `folder` of an annotation's file name; None where no such image lies. Touches no file.

        The name itself comes first; then one that differs in the form of its accents or in upper and lower case alone.
        """
        if not self.parts and name in self.present:
            return name
        inner = "/".join(pieces(name)[-self.parts :])
        return inner if inner in self.present else _only(self._alike.get(folded(inner), ()), inner)

    def with_stem(self, stem: str, endings: tuple[str, ...] = ENDINGS) -> list[str]:
        """The files, sorted, that are `stem` and one of these endings; alike stems as in `find`."""
        inner = "/".join(pieces(stem))
        for names in (self._stems.get(inner, ()), self._alike_stems.get(folded(inner), ())):
            if files := sorted(name for name in names if name.lower().endswith(endings)):
                return files
        return []

    def files(self, endings: tuple[str, ...]) -> list[str]:
        """All with one of these endings, sorted; without what macOS leaves beside them and other hidden files.

        Raises UserError for a name that is no text.
        """
        names = [name for name in self.present if name.lower().endswith(endings)]
        names = sorted(name for name in names if not any(x.startswith((".", "__MACOSX")) for x in name.split("/")))
        for name in names:
            if any("\ud800" <= letter <= "\udfff" for letter in name):  # bytes that Python could not decode
                raise UserError(f"{self.folder}: the file name {name!r:.200} is not UTF-8. Rename the file.")
        return names

    def missing(self, name: str) -> str:
        """A sentence about a name that `find` does not find."""
        if points_outside(name):
            return f"file name {shown(name)} points outside {self.folder}. Use names inside that folder."
        inner = "/".join(pieces(name)[-self.parts :])
        if alike := self._alike.get(folded(inner)):
            return f"file name {shown(name)} may be {' or '.join(sorted(alike)[:5])} in {self.folder}. Write which."
        return f"{self.folder}/{shown(inner)} does not exist. Add the image, or remove its record."

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        return _grouped((folded(name), name) for name in self.present)

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        return _grouped((os.path.splitext(name)[0], name) for name in self.present)

    @cached_property
    def _alike_stems(self) -> dict[str, list[str]]:
        return _grouped((folded(os.path.splitext(name)[0]), name) for name in self.present)

    @property
    def prefix(self) -> str:
        """Of every image's name below the root."""
        inner = self.folder.relative_to(self.root).as_posix()
        return "" if inner == "." else f"{inner}/"


def pieces(name: str) -> tuple[str, ...]:
    """Of a file name in an annotation, without `/` or `./` at its start; Windows tools write backslashes."""
    return PurePosixPath(name.replace("\\", "/").lstrip("/")).parts


def shown(name: str) -> str:
    """A name in a sentence: what cannot be seen is spelled out."""
    return f"{name:.200}" if name.isprintable() else f"{name!r:.200}"


def folded(name: str) -> str:
    """Equal for names that differ in the form of their accents or in upper and lower case alone."""
    return unicodedata.normalize("NFC", name).casefold()


def _only(names: Iterable[str], name: str) -> str | None:
    """The one that is `name` but for its accents' form, else the only one."""
    same = [x for x in names if unicodedata.normalize("NFC", x) == unicodedata.normalize("NFC", name)]
    for group in (same, list(names)):
        if len(group) == 1:
            return group[0]
    return None


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        groups[key].append(name)
    return groups


def list_folder(root: Path, folder: Path, parts: int = 0) -> ImageFolder:
    """Lists `folder`, also what lies deeper, behind links too."""
    return ImageFolder(root, folder, frozenset(_names(str(folder), "", ())), parts)


def _names(folder: str, inner: str, above: tuple[str, ...]) -> Iterator[str]:
    """Names of the files below; `above`: the folders on the way here, so that a link to one of them is no loop."""
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = list(os.scandir(folder))
    except OSError:  # not ours to read: what lies in it is not there
        return
    for entry in entries:
        if _is_folder(entry):
            yield from _names(entry.path, f"{inner}{entry.name}/", (*above, real))
        else:
            yield f"{inner}{entry.name}"


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def missing_data(name: str, expected: str, layout: str, root: Path) -> UserError:
    """The error for a dataset that is not there: where it was looked for, and what --data-root must be."""
    state = "is incomplete" if root.is_dir() else "does not exist"
    return UserError(f"No {name} data: looked for {expected}. --data-root must {layout}; {root} {state}.")


def points_outside(name: str) -> bool:
    """Whether a file name of an annotation is more than a way down into its folder."""
    return ".." in pieces(name) or "\0" in name

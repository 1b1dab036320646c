"""Where the images of a set lie, and which names of an annotation file lead to one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from experiments.runtime.errors import UserError


@dataclass(frozen=True)
class ImageFolder:
    """A folder below the data root, listed once: a stat an image is slow on network disks."""

    root: Path
    folder: Path
    present: frozenset[str]  # names below `folder`, with slashes
    parts: int = 0  # of a file name in the annotations, from its end, that count here; 0: all

    def find(self, name: str) -> str | None:
        """The name below `folder` of an annotation's file name; None where no such image lies. Touches no file."""
        pieces = PurePosixPath(name).parts[-self.parts :]
        inner = "/".join(pieces)
        return inner if inner in self.present else None

    @property
    def prefix(self) -> str:
        """Of every image's name below the root."""
        inner = self.folder.relative_to(self.root).as_posix()
        return "" if inner == "." else f"{inner}/"


def list_folder(root: Path, folder: Path, parts: int = 0) -> ImageFolder:
    """Lists `folder`, also what lies deeper."""
    names = set()
    for path, _, files in os.walk(folder):
        inner = Path(path).relative_to(folder).as_posix()
        names.update(files if inner == "." else (f"{inner}/{name}" for name in files))
    return ImageFolder(root, folder, frozenset(names), parts)


def missing_data(name: str, expected: str, layout: str, root: Path) -> UserError:
    """The error for a set that is not there: where it was looked for, and what --data-root must be."""
    state = "is incomplete" if root.is_dir() else "does not exist"
    return UserError(f"No {name} data: looked for {expected}. --data-root must {layout}; {root} {state}.")


def points_outside(name: str) -> bool:
    """Whether a file name of an annotation is more than a way down into its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name

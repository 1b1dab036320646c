"""The readers: each file here is one, its name the file's, and holds a READER. None is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.data.index import Index

READERS = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__"))


@dataclass(frozen=True)
class SplitFiles:
    """A split by its files, as exports name them; from the data root, or absolute."""

    annotations: str  # a file
    images: str = "."  # the folder from which the file names images

    def __str__(self) -> str:
        return f"{self.annotations} with {self.images}"


@dataclass(frozen=True)
class Request:
    """One split of a dataset."""

    dataset: str  # name of the recipe
    split: str  # as the recipe names it; "auto:train" and "auto:val" are resolved by the reader
    root: Path | None  # folder of the files; None for what is not on disk
    classes: tuple[str, ...] = ()  # (): the reader's own list
    images: int = 0  # how many, for what is not on disk
    clean: bool = True  # False for the split that is evaluated: its boxes stay as they are
    files: SplitFiles | None = None  # of a split that is named by its files; `split` is then their text
    exif: str = "apply"  # data.exif, for sizes that a reader takes from image files


@dataclass(frozen=True)
class Reader:
    """How a dataset is read. Each function raises UserError for what is missing or broken."""

    read: Callable[[Request], Index]
    sources: Callable[[Request], list[Path]] | None  # files whose change makes the index another one; None: no files
    resolve: Callable[[Request], str] = lambda request: request.split  # the split that the record shows
    named_files: bool = False  # whether it reads a split that is named by its files


def reader(name: str) -> Reader:
    """By its file's name."""
    return import_module(f"{__name__}.{name}").READER

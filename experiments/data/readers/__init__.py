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
class Request:
    """One split of a dataset."""

    dataset: str  # name of the recipe
    split: str  # as the recipe names it; "auto:train" and "auto:val" are resolved by the reader
    root: Path | None  # folder of the files; None for what is not on disk
    classes: tuple[str, ...] = ()  # (): the reader's own list
    images: int = 0  # how many, for what is not on disk
    exif: str = "apply"  # data.exif, for sizes that a reader takes from image files


@dataclass(frozen=True)
class Reader:
    """How a dataset is read. Each function raises UserError for what is missing or broken."""

    read: Callable[[Request], Index]
    sources: Callable[[Request], list[Path]] | None  # files whose change makes the index another one; None: no files
    resolve: Callable[[Request], str] = lambda request: request.split  # the split that the record shows


def reader(name: str) -> Reader:
    """By its file's name."""
    return import_module(f"{__name__}.{name}").READER

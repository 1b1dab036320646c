"""From a recipe to an index, by the reader that the recipe names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments.data import cache
from experiments.data.config import DataConfig
from experiments.data.index import Index
from experiments.data.official.sources import source_of
from experiments.data.readers import Reader, Request, SplitFiles, reader
from experiments.data.roots import absent, data_folder, nowhere
from experiments.runtime.errors import UserError


def load_index(data: DataConfig, dataset: str, root: Path | None, split: str | SplitFiles, clean: bool = True) -> Index:
    """The index of one split; `root` None: where `roots.py` finds it.

    clean: False for the split that is evaluated. Its classes are those of its own files, see classes.match_classes.
    Raises UserError.
    """
    source = reader(data.reader)
    request = _request(source, data, dataset, root, split, clean)
    if source.sources is None:
        return source.read(request)
    index = cache.cached(
        *_cache_key(source, data, request), lambda: replace(source.read(request), reading=data.reading)
    )
    return replace(index, reading=data.reading)


def keep_index(
    data: DataConfig, dataset: str, root: Path | None, split: str | SplitFiles, index: Index, clean: bool = True
) -> None:
    """Into the cache, with what is now known of its files."""
    source = reader(data.reader)
    cache.keep(*_cache_key(source, data, _request(source, data, dataset, root, split, clean)), index)


def _cache_key(source: Reader, data: DataConfig, request: Request) -> tuple[tuple, Path, list[Path]]:
    """What was asked, where, and of which files."""
    key = (data.reader, request.split, list(data.classes), data.exif, request.clean)
    return key, request.root, source.sources(request)


def resolve_split(data: DataConfig, dataset: str, root: Path | None, split: str | SplitFiles) -> str | SplitFiles:
    """The split that `split` stands for, as the record shows it."""
    source = reader(data.reader)
    request = _request(source, data, dataset, root, split)
    return request.files or source.resolve(request)


def on_disk(data: DataConfig) -> bool:
    """Whether the dataset consists of files."""
    return reader(data.reader).sources is not None


def _request(
    source: Reader, data: DataConfig, dataset: str, root: Path | None, split: str | SplitFiles, clean: bool = True
) -> Request:
    folder = data_folder(data, dataset, root) if source.sources is not None else None
    if source.sources is not None and folder is None:
        command = f"python experiments/run.py --check-data --dataset {dataset}"
        raise absent(dataset, source_of(dataset), nowhere(dataset), command)
    files = split if isinstance(split, SplitFiles) else None
    if files and not source.named_files:
        raise UserError(
            f"data.reader={data.reader} takes the name of a split, not {files}. Only coco reads named files."
        )
    images = data.val_images if split == "val" else data.train_images
    return Request(dataset, str(split), folder, data.classes, images, clean, files, data.exif)

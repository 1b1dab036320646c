"""From a recipe to an index, by the reader that the recipe names."""

from __future__ import annotations

from pathlib import Path

from experiments.data.cache import cached
from experiments.data.config import DataConfig
from experiments.data.index import Index
from experiments.data.official.sources import source_of
from experiments.data.readers import Reader, Request, reader
from experiments.data.roots import absent, data_folder, nowhere


def load_index(data: DataConfig, dataset: str, root: Path | None, split: str) -> Index:
    """The index of one split; `root` None: where `roots.py` finds it.

    Raises UserError.
    """
    source = reader(data.reader)
    request = _request(source, data, dataset, root, split)
    if source.sources is None:
        return source.read(request)
    asked = (data.reader, split, list(data.classes))
    return cached(asked, request.root, source.sources(request), lambda: source.read(request))


def resolve_split(data: DataConfig, dataset: str, root: Path | None, split: str) -> str:
    """The split that `split` stands for, as the record shows it."""
    source = reader(data.reader)
    return source.resolve(_request(source, data, dataset, root, split))


def on_disk(data: DataConfig) -> bool:
    """Whether the dataset consists of files."""
    return reader(data.reader).sources is not None


def _request(source: Reader, data: DataConfig, dataset: str, root: Path | None, split: str) -> Request:
    folder = data_folder(data, dataset, root) if source.sources is not None else None
    if source.sources is not None and folder is None:
        command = f"python experiments/run.py --check-data --dataset {dataset}"
        raise absent(dataset, source_of(dataset), nowhere(dataset), command)
    return Request(dataset, split, folder, data.classes, data.train_images if split == "train" else data.val_images)

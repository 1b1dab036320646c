"""From a recipe to an index, by the reader that the recipe names."""

from __future__ import annotations

from pathlib import Path

from experiments.data.cache import cached
from experiments.data.config import DataConfig
from experiments.data.index import Index
from experiments.data.readers import Reader, Request, reader
from experiments.runtime.errors import UserError


def load_index(data: DataConfig, dataset: str, root: Path | None, split: str) -> Index:
    """The index of one split; `root` may be None for synthetic datasets, and where the recipe says where its files are.

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
    if source.sources is not None and root is None and not data.root:
        raise UserError(
            f"The dataset '{dataset}' is read from files. Say where with --data-root DIR, or use --dataset shapes."
        )
    place = Path(root or data.root) if source.sources is not None else None
    return Request(dataset, split, place, data.classes, data.train_images if split == "train" else data.val_images)

"""From a recipe to an index: which reader reads which data set."""

from __future__ import annotations

from pathlib import Path

from experiments.data import coco, shapes, voc
from experiments.data.index import Index
from experiments.errors import UserError, unknown
from experiments.recipe import DataRecipe

FOLDERS = {"voc": voc, "coco": coco}


def load(data: DataRecipe, dataset: str, root: Path | None, split: str) -> Index:
    """The index of one split; `root` may be None for drawn sets only."""
    if data.reader == "shapes":
        return shapes.read(dataset, split, data.train_images if split == "train" else data.val_images)
    return _reader(data, dataset, root).read(Path(root), split, data.classes)


def resolve(data: DataRecipe, dataset: str, root: Path | None, split: str) -> str:
    """The split that `split` stands for, as the record shows it."""
    return split if data.reader == "shapes" else _reader(data, dataset, root).resolve(Path(root), split)


def _reader(data: DataRecipe, dataset: str, root: Path | None):
    if data.reader not in FOLDERS:
        raise unknown("reader", data.reader, ["shapes", *FOLDERS])
    if root is None:
        raise UserError(
            f"The data set '{dataset}' lies on disk. Say where with --data-root DIR, or use --dataset shapes."
        )
    return FOLDERS[data.reader]

"""From a recipe to an index: which reader reads which data set."""

from __future__ import annotations

from pathlib import Path

from experiments.data.cache import cached
from experiments.data.index import Index
from experiments.data.readers import coco, objects365, shapes, voc, widerface
from experiments.recipes.recipe import DataRecipe
from experiments.runtime.errors import UserError, unknown

FOLDERS = {"voc": voc, "coco": coco, "objects365": objects365, "widerface": widerface}


def load(data: DataRecipe, dataset: str, root: Path | None, split: str) -> Index:
    """The index of one split; `root` may be None for drawn sets, and where the recipe says where its files lie."""
    if data.reader == "shapes":
        return shapes.read(dataset, split, data.train_images if split == "train" else data.val_images)
    reader, root = _reader(data, dataset, root)
    asked = (data.reader, split, list(data.classes))
    return cached(asked, root, reader.sources(root, split), lambda: reader.read(root, split, data.classes))


def resolve(data: DataRecipe, dataset: str, root: Path | None, split: str) -> str:
    """The split that `split` stands for, as the record shows it."""
    if data.reader == "shapes":
        return split
    reader, root = _reader(data, dataset, root)
    return reader.resolve(root, split)


def _reader(data: DataRecipe, dataset: str, root: Path | None):
    """The reader's module, and the folder of the files."""
    if data.reader not in FOLDERS:
        raise unknown("reader", data.reader, ["shapes", *FOLDERS])
    if root is None and not data.root:
        raise UserError(
            f"The data set '{dataset}' lies on disk. Say where with --data-root DIR, or use --dataset shapes."
        )
    return FOLDERS[data.reader], Path(root or data.root)

"""Draws the boxes of a dataset on its images, to look at with one's own eyes.

python experiments/draw.py --dataset voc --data-root DIR [--set KEY=VALUE] [--training] --out FOLDER
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

try:
    import numpy as np
    import torch
    from PIL import Image

    from experiments.cli.arguments import MANY, whole
    from experiments.data.datasets import load_index, resolve_split
    from experiments.data.loader import Batch, train_loader
    from experiments.data.pictures import colour_of, outline, picture_of, spread
    from experiments.recipes.load import load
    from experiments.runtime.commands import end, exit_code
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

WRITTEN = 20  # boxes of an image whose class can be read


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="shapes", help="a name, or the YAML file of your own recipe")
    parser.add_argument("--data-root", type=Path, help="folder that holds the dataset's files")
    parser.add_argument("--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[])
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument(
        "--images", type=whole(1, MANY), default=4, help="how many, by their count of boxes (default: 4)"
    )
    parser.add_argument("--training", action="store_true", help="as the network gets them: resized, cropped, flipped")
    parser.add_argument("--out", type=Path, default=Path("drawn"), help="folder of the PNG files (default: drawn)")
    return parser


def with_boxes(
    image: torch.Tensor, boxes: np.ndarray, labels: np.ndarray, ignore: np.ndarray, classes: tuple
) -> Image.Image:
    """(3, H, W) uint8 with its boxes, px; those to ignore in grey."""
    picture, pairs = picture_of(image), list(zip(labels.tolist(), ignore.tolist(), strict=True))
    texts = [classes[label] + " ignored" * unsure for label, unsure in pairs]
    colours = ["grey" if unsure else colour_of(label) for label, unsure in pairs]
    outline(picture, boxes, colours, texts if len(boxes) <= WRITTEN else [""] * len(boxes))
    return picture


def of_batch(batch: Batch, row: int, classes: tuple) -> Image.Image:
    """An image of a training batch with its objects and ignore regions."""
    objects = batch.objects
    sure, unsure = objects.boxes[objects.image == row], objects.ignore[objects.ignore_image == row]
    labels = torch.cat((objects.labels[objects.image == row], torch.zeros(len(unsure), dtype=torch.long)))
    ignore = torch.arange(len(labels)) >= len(sure)
    return with_boxes(batch.images[row], torch.cat((sure, unsure)).numpy(), labels.numpy(), ignore.numpy(), classes)


def pictures(options: argparse.Namespace) -> list[tuple[str, Image.Image]]:
    """Names and pictures. Raises UserError."""
    recipe = load(options.dataset, "fcos", options.overrides, 0)
    split = resolve_split(recipe.data, recipe.dataset, options.data_root, getattr(recipe.data, options.split))
    clean = options.training or options.split == "train"  # as each is used
    index = load_index(recipe.data, recipe.dataset, options.data_root, split, clean)
    print(f"{index.name} {split}: {len(index)} images, {len(index.boxes)} boxes, {int(index.ignore.sum())} to ignore")
    if options.training:
        batch = next(train_loader(index, recipe.data, recipe.schedule.batch, recipe.seed, range(1)))
        ids = index.image_ids[batch.index.numpy()].tolist()
        rows = range(min(options.images, len(ids)))
        return [(f"step0-{ids[row]}", of_batch(batch, row, index.classes)) for row in rows]
    positions = spread(index, options.images)
    return [(f"{index.image_ids[i]}", with_boxes(index.read(i), *index.of(i), index.classes)) for i in positions]


def main() -> int:
    """The exit code: 0, 2 for a user's error, 75 where a signal stopped it."""
    return exit_code(_main)


def _main() -> int:
    options = parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(options):
        path = options.out / f"{options.dataset.rsplit('/', 1)[-1]}-{name}.png"
        picture.save(path)
        print(path)
    return 0


if __name__ == "__main__":
    end(main())

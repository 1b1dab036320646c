"""The image list of a COCO split whose truth is not public: images and categories, no annotations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.data.index import Index
from experiments.data.parsing.clean import ImageColumns, assemble
from experiments.data.parsing.coco_categories import labels_of
from experiments.data.parsing.coco_images import all_images, image_block
from experiments.data.parsing.coco_records import records_of
from experiments.data.parsing.image_folder import list_folder

NEEDED = ("images", "categories")


@dataclass(frozen=True, eq=False)
class ImageInfo:
    """Images to detect objects in, and how their file numbers the classes."""

    index: Index  # without a box
    category_ids: dict[str, int]  # class -> id


def read_image_info(root: Path, path: Path, folder: Path, exif: str) -> ImageInfo:
    """path: of the JSON file; folder: of the images, below root. Raises UserError, naming file and record."""
    categories, blocks, images = [], [], list_folder(root, folder)
    for section, records in records_of(path, NEEDED, NEEDED):
        if section.name == "categories":
            categories += records
        else:
            blocks.append(image_block(records, images, section, exif))
    labels, every = labels_of(categories, path, (), True), all_images(blocks, path, root)
    columns = ImageColumns("test-dev", labels.classes, every.paths, every.numbers, every.sizes)
    ids = {labels.classes[label]: number for number, label in labels.by_id.items()}
    return ImageInfo(assemble(columns, []), ids)

"""The real samples on this machine, tiny datasets in the layout of each reader, and tiny archives."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from experiments.data.readers import Request

REAL = Path(os.environ.get("ASSIGNBENCH_SAMPLES") or Path(__file__).parents[2] / "shared" / "data")
real = pytest.mark.skipif(not REAL.is_dir(), reason="the real samples are not on this machine")

XML = """<annotation>{}<size><width>30</width><height>20</height></size><object><name>{}</name><bndbox><xmin>1</xmin>
<ymin>1</ymin><xmax>{}</xmax><ymax>20</ymax></bndbox></object></annotation>"""


def ask(root: Path, split: str = "train", *classes: str, dataset: str = "own") -> Request:
    """One split of a dataset on disk."""
    return Request(dataset, split, root, classes)


def image(path: Path, width: int = 30, height: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), (90, 120, 40)).save(path, quality=90)


def instances(name: str = "a.jpg") -> dict:
    """COCO's form of one image of 30 x 20 px with one cat."""
    return {
        "images": [{"id": 1, "file_name": name, "height": 20, "width": 30}],
        "categories": [{"id": 7, "name": "cat"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 0}],
    }


def write_coco(root: Path, text: str | bytes) -> None:
    """Also the image, where there is none."""
    path = root / "annotations" / "instances_train2017.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if not (root / "train2017" / "a.jpg").is_file():
        image(root / "train2017" / "a.jpg")


def write_objects365(root: Path, data: dict | bytes, folder: str = "images/v1/patch8") -> None:
    path = root / "annotations" / "zhiyuan_objv2_train.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    if not (root / folder / "a.jpg").is_file():
        image(root / folder / "a.jpg")


def write_voc(root: Path, text: str | bytes, listed: str | bytes = "a\n") -> None:
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "JPEGImages" / "a.jpg").write_bytes(b"")
    for path, content in ((root / "ImageSets/Main/train.txt", listed), (root / "Annotations/a.xml", text)):
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_widerface(root: Path, text: str | bytes) -> None:
    path = root / "wider_face_split" / "wider_face_train_bbx_gt.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if not (root / "WIDER_train/images/0--Parade/a.jpg").is_file():
        image(root / "WIDER_train/images/0--Parade/a.jpg")


def tar(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as file:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                file.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                file.addfile(info, io.BytesIO(member[1]))
    return path


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def names_in(folder: Path) -> list[str]:
    """Of the files and folders directly below a folder."""
    return sorted(path.name for path in folder.iterdir())


def imagenet_file(name: str) -> Path:
    """One of torchvision's files of weights on this machine, in a hub's layout; skips where it is not."""
    path = REAL.parent / "weights" / "hub" / "checkpoints" / name
    if not path.is_file():
        pytest.skip(f"{name} is not on this machine")
    return path

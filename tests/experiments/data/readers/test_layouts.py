"""One dataset in the layouts of many tools, some of its folders behind links: the same images and boxes from each."""

import json
import os
import tempfile
import unicodedata
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from experiments.data import readers
from tests.hostile import fuzz
from tests.samples import ask, image

CLASSES = ("cat", "dog")
STEMS = ("a", "a b", "a 1", "b.c", "Ä", "é-1", "UPPER", "x_-1")
ENDINGS = (".jpg", ".JPG", ".png", ".Jpeg", ".BMP")
WIDTH, HEIGHT = 32, 16  # px; powers of two: shares are exact

Boxes = list[tuple[int, int, int, int, int]]  # class, x1 y1 x2 y2 px


def voc_xml(folder: Path, stem: str, boxes: Boxes) -> None:
    rows = "".join(
        f"<object><name>{CLASSES[c]}</name><bndbox><xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin>"
        f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
        for c, x1, y1, x2, y2 in boxes
    )
    size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height></size>"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.xml").write_text(f"<annotation>{size}{rows}</annotation>", encoding="utf-8")


def yolo_txt(folder: Path, stem: str, boxes: Boxes) -> None:
    rows = [
        f"{c} {(x1 + x2) / 2 / WIDTH} {(y1 + y2) / 2 / HEIGHT} {(x2 - x1) / WIDTH} {(y2 - y1) / HEIGHT}\n"
        for c, x1, y1, x2, y2 in boxes
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.txt").write_text("".join(rows))


def coco_json(root: Path, names: dict[str, Boxes], write) -> None:
    rows = [(i, box) for i, boxes in enumerate(names.values()) for box in boxes]
    data = {
        "images": [{"id": i, "file_name": write(n), "width": WIDTH, "height": HEIGHT} for i, n in enumerate(names)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
        "annotations": [
            {"id": k, "image_id": i, "category_id": c, "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0}
            for k, (i, (c, x1, y1, x2, y2)) in enumerate(rows)
        ],
    }
    (root / "annotations").mkdir()
    (root / "annotations/instances_train.json").write_text(json.dumps(data))


# Layout -> reader, folder of images, folder of annotations, split.
LAYOUTS = {
    "voc": ("voc", "JPEGImages", "Annotations", "train"),
    "labelimg": ("voc", "images", "annotations", "."),
    "roboflow voc": ("voc", "train", "train", "train"),
    "ultralytics": ("yolo", "images/train", "labels/train", "train"),
    "roboflow yolo": ("yolo", "train/images", "train/labels", "train"),
    "cvat yolo": ("yolo", "obj_train_data", "obj_train_data", "train"),
    "label studio": ("yolo", "images", "labels", "images"),
    "coco": ("coco", "train", "", "train"),
}


def lay_out(root: Path, layout: str, names: dict[str, Boxes], write) -> None:
    """`write`: how the lists and the JSON spell a name."""
    reader, images, annotations, _ = LAYOUTS[layout]
    for name, boxes in names.items():
        image(root / images / name, WIDTH, HEIGHT)
        if reader != "coco":
            (voc_xml if reader == "voc" else yolo_txt)(root / annotations, os.path.splitext(name)[0], boxes)
    lists = {
        "voc": ("ImageSets/Main/train.txt", [write(os.path.splitext(name)[0]) for name in names]),
        "cvat yolo": ("train.txt", [f"data/obj_train_data/{write(name)}" for name in names]),
        "ultralytics": ("data.yaml", ["train: images/train", f"names: [{', '.join(CLASSES)}]"]),
        "roboflow yolo": ("data.yaml", ["train: ../train/images", f"names: [{', '.join(CLASSES)}]"]),
        "label studio": ("classes.txt", CLASSES),
    }
    if layout in lists:
        path = root / lists[layout][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lists[layout][1]), encoding="utf-8-sig" if path.suffix == ".txt" else "utf-8")
    if layout == "cvat yolo":
        (root / "obj.names").write_text("\n".join(CLASSES))
    if reader == "coco":
        coco_json(root, names, write)


def link(root: Path, folder: str, disk: Path) -> None:
    """Moves a folder to another disk and leaves a link, with a link back that makes a loop."""
    disk.mkdir()
    (root / folder).rename(disk / "moved")
    (root / folder).symlink_to(disk / "moved")
    (disk / "moved" / "loop").symlink_to(root)


BOX = st.tuples(st.integers(0, 1), st.integers(0, 15), st.integers(0, 7), st.integers(17, 32), st.integers(9, 16))


@fuzz(60)
@given(
    layout=st.sampled_from(sorted(LAYOUTS)),
    boxes=st.dictionaries(st.sampled_from(STEMS), st.lists(BOX, max_size=3), min_size=1),
    linked=st.booleans(),
    form=st.sampled_from(["NFC", "NFD"]),
    data=st.data(),
)
def test_every_layout_gives_the_same_boxes(layout, boxes, linked, form, data):
    boxes["with objects"] = [(0, 1, 2, 30, 14), (1, 0, 0, 32, 16)]  # both classes, so that neither is unknown
    names = {f"{stem}{data.draw(st.sampled_from(ENDINGS))}": rows for stem, rows in boxes.items()}
    reader, images, _, split = LAYOUTS[layout]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "data")
        lay_out(root, layout, names, lambda name: unicodedata.normalize(form, name))
        if linked:
            link(root, images.split("/")[0], Path(folder, "disk"))
        classes = CLASSES if reader == "voc" else ()
        index = readers.reader(reader).read(ask(root, split, *classes))
        read = {Path(path).name: [*map(list, index.of(i)[:2])] for i, path in enumerate(index.paths)}
    assert index.classes == CLASSES and index.sizes.tolist() == [[HEIGHT, WIDTH]] * len(names)
    assert {
        name: [[int(c), *map(float, box)] for box, c in zip(*rows, strict=True)] for name, rows in read.items()
    } == {name: [list(row) for row in rows] for name, rows in names.items()}

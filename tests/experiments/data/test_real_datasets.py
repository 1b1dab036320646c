"""Every method on every real sample, a few steps: finite losses, an evaluation, a complete run folder."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import assigners
from experiments.data.readers import widerface
from experiments.records.run_folder import RunFolder, runs_in
from tests.samples import REAL, real
from tests.tiny_runs import words

ROOTS = {
    "voc": REAL / "voc_format" / "voc2012_100",
    "coco": REAL / "coco_sample",
    "widerface": REAL / "widerface",
}
PROTOCOLS = {"voc": "voc07", "coco": "coco", "widerface": "height"}
SAMPLES = ("data.train=train_sample", "data.val=val_sample")  # the lists of WIDER FACE that have their images here
SMALL = (
    "model.backbone=resnet18", "model.width=0.25", "model.weights=none", "model.norm=gn", "model.frozen_stages=0",
    "schedule.milestones=[]", "schedule.iterations=1", "data.test_short=64", "data.test_long=96", "data.long=96",
    "test.per_level=30",
)  # fmt: skip

Train = Callable[..., RunFolder]


@pytest.fixture
def train(command, tmp_path) -> Train:
    """The finished folder of a method on a dataset, its losses finite."""

    def call(name: str, dataset: str, root: Path, *overrides: str) -> RunFolder:
        options = ("--assigner", name, "--dataset", dataset, "--data-root", str(root))
        code, out, err = command(*words(tmp_path / "runs", *options, overrides=(*SMALL, *overrides)))
        assert code == 0 and "AP50" in out, err
        (folder,) = runs_in(tmp_path / "runs")
        assert all(math.isfinite(row.values["loss"]) for row in folder.read_metrics()) and folder.is_done()
        for path in (folder.run, folder.checkpoint, folder.detections, folder.matches):
            assert path.is_file()
        return folder

    return call


@real
@pytest.mark.parametrize("name", assigners.available())
@pytest.mark.parametrize("dataset", ROOTS)
def test_a_method_trains_on_a_real_sample(train, dataset, name):
    folder = train(name, dataset, ROOTS[dataset], *(SAMPLES if dataset == "widerface" else ()))
    assert folder.read_run().protocol.name == PROTOCOLS[dataset]


def write_one_image(root: Path, entry: widerface.Entry) -> None:
    """WIDER FACE with a link to one image as both splits."""
    for split in ("train", "val"):
        link = root / f"WIDER_{split}" / "images" / entry.name
        link.parent.mkdir(parents=True)
        link.symlink_to(ROOTS["widerface"] / "WIDER_val" / "images" / entry.name)
        rows = "".join(f"{x} {y} {x2 - x} {y2 - y} 0 0 0 0 0 0 \n" for x, y, x2, y2 in entry.boxes)
        listing = root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt"
        listing.parent.mkdir(exist_ok=True)
        listing.write_text(f"{entry.name}\n{len(entry.boxes)}\n{rows}")


@real
@pytest.mark.parametrize("name", assigners.available())
def test_a_method_trains_on_the_image_of_317_faces(train, tmp_path, name):
    listing = ROOTS["widerface"] / "wider_face_split" / "wider_face_val_bbx_gt_sample.txt"
    entry = max(widerface.entries(listing), key=lambda e: len(e.boxes))
    assert len(entry.boxes) == 317
    write_one_image(tmp_path / "data", entry)
    overrides = ("schedule.batch=1", "data.crop=0", "data.short=320", "data.long=512")
    folder = train(name, "widerface", tmp_path / "data", *overrides)
    assert folder.read_run().data["train"].boxes >= 300


def write_objects365(root: Path) -> None:
    """Four images a split in two patches, 12 boxes, 365 classes."""
    rng = np.random.default_rng(0)
    box = {"bbox": [5, 6, 30, 40], "iscrowd": 0, "isfake": 0}
    for split in ("train", "val"):
        names = [f"images/v1/patch{i % 2}/o_{split}_{i}.jpg" for i in range(4)]
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (64, 80, 3), np.uint8)).save(root / name)
        data = {
            "images": [{"id": i, "file_name": name, "height": 64, "width": 80} for i, name in enumerate(names)],
            "annotations": [{"id": k, "image_id": k % 4, "category_id": 1 + k % 365, **box} for k in range(12)],
            "categories": [{"id": k, "name": f"class {k} "} for k in range(1, 366)],
        }
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"zhiyuan_objv2_{split}.json").write_text(json.dumps(data))


@pytest.mark.parametrize("name", assigners.available())
def test_a_method_trains_on_the_layout_of_objects365(train, tmp_path, name):
    write_objects365(tmp_path / "data")
    folder = train(name, "objects365", tmp_path / "data")
    assert len(folder.read_result().per_class) == 365

"""Every method on every real sample, a few steps: finite losses, an evaluation, a whole run folder."""

import json
import math

import numpy as np
import pytest
from PIL import Image

import assigners
from experiments.data.readers import widerface
from experiments.records.run_folder import runs_in
from tests.samples import REAL, real
from tests.test_run import command, words  # noqa: F401

SETS = {
    "voc": REAL / "voc_format" / "voc2012_100",
    "coco": REAL / "coco_sample",
    "widerface": REAL / "widerface",
}
SAMPLES = ("data.train=train_sample", "data.val=val_sample")  # the lists of WIDER FACE that have their images here
SMALL = (
    "model.backbone=resnet18", "model.weights=none", "model.norm=gn", "model.frozen_stages=0", "schedule.milestones=[]",
    "schedule.iterations=1", "data.test_short=64", "data.test_long=96", "data.long=96", "test.per_level=100",
)  # fmt: skip


def trained(command, runs, name, *typed, sets=()):  # noqa: F811
    """The finished folder, its losses finite."""
    code, out, err = command(*words(runs, "--assigner", name, *typed, overrides=(*SMALL, *sets)))
    assert code == 0 and "AP50" in out, err
    (folder,) = runs_in(runs)
    assert all(math.isfinite(row["loss"]) for row in folder.read_metrics()) and folder.is_done()
    for path in (folder.run, folder.checkpoint, folder.detections, folder.matches):
        assert path.is_file()
    return folder


@real
@pytest.mark.parametrize("name", assigners.available())
@pytest.mark.parametrize("dataset", SETS)
def test_a_method_trains_on_a_real_sample(command, tmp_path, dataset, name):  # noqa: F811
    sets = SAMPLES if dataset == "widerface" else ()
    folder = trained(command, tmp_path, name, "--dataset", dataset, "--data-root", str(SETS[dataset]), sets=sets)
    wanted = {"voc": "voc07", "coco": "coco", "widerface": "height"}[dataset]
    assert folder.read_done()["protocol"] == wanted


@real
@pytest.mark.parametrize("name", assigners.available())
def test_a_method_trains_on_the_image_of_317_faces(command, tmp_path, name):  # noqa: F811
    root = tmp_path / "data"
    listing = SETS["widerface"] / "wider_face_split" / "wider_face_val_bbx_gt_sample.txt"
    entry = max(widerface.entries(listing), key=lambda e: len(e.boxes))
    assert len(entry.boxes) == 317
    for split in ("train", "val"):
        place = root / f"WIDER_{split}" / "images" / entry.name
        place.parent.mkdir(parents=True)
        place.symlink_to(SETS["widerface"] / "WIDER_val" / "images" / entry.name)
        rows = "".join(f"{x} {y} {x2 - x} {y2 - y} 0 0 0 0 0 0 \n" for x, y, x2, y2 in entry.boxes)
        (root / "wider_face_split").mkdir(exist_ok=True)
        (root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt").write_text(
            f"{entry.name}\n{len(entry.boxes)}\n{rows}"
        )
    sets = ("schedule.batch=1", "data.crop=0", "data.short=320", "data.long=512")
    folder = trained(command, tmp_path / "runs", name, "--dataset", "widerface", "--data-root", str(root), sets=sets)
    assert folder.read_run()["data"]["train"]["boxes"] >= 300


@pytest.mark.parametrize("name", assigners.available())
def test_a_method_trains_on_the_layout_of_objects365(command, tmp_path, name):  # noqa: F811
    rng, root = np.random.default_rng(0), tmp_path / "data"
    for split in ("train", "val"):
        images = [
            {"id": i, "file_name": f"images/v1/patch{i % 2}/o_{split}_{i}.jpg", "height": 64, "width": 80}
            for i in range(4)
        ]
        boxes = [
            {"id": k, "image_id": k % 4, "category_id": 1 + k % 365, "bbox": [5, 6, 30, 40], "iscrowd": 0, "isfake": 0}
            for k in range(12)
        ]
        for image in images:
            path = root / image["file_name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (64, 80, 3), np.uint8)).save(path)
        classes = [{"id": k, "name": f"class {k} "} for k in range(1, 366)]
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"zhiyuan_objv2_{split}.json").write_text(
            json.dumps({"images": images, "annotations": boxes, "categories": classes})
        )
    folder = trained(command, tmp_path / "runs", name, "--dataset", "objects365", "--data-root", str(root))
    assert len(folder.read_done()["per_class"]) == 365

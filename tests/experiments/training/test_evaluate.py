"""What an evaluation leaves: images by their ids, and the name of what computed the metrics."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from detector.detector import Detector
from detector.postprocess import Detected
from experiments.protocols.interface import Detections
from experiments.recipes.load import load
from experiments.records.arrays import Matches, StoredDetections
from experiments.records.run_folder import runs_in
from experiments.training import evaluate
from tests.tiny_runs import words
from tests.truths import truth

IDS = (7, 3)  # of the images, in the order of the annotation: neither 0 and 1 nor rising
BOXES = {7: [4, 4, 34, 34], 3: [20, 10, 60, 50]}
SHADE = 16  # an image is as grey as its id
MODEL = ("model.backbone=resnet18", "model.weights=none", "model.norm=gn", "model.frozen_stages=0")


def write_split(root, split):
    """In COCO's layout: an image of 64 x 64 px and its box for each id."""
    (root / split).mkdir(parents=True)
    (root / "annotations").mkdir(exist_ok=True)
    for number in IDS:
        Image.new("RGB", (64, 64), (SHADE * number,) * 3).save(root / split / f"{number}.png")
    corners = {number: np.array(box) for number, box in BOXES.items()}
    boxes = {number: [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()] for number, box in corners.items()}
    annotation = {
        "images": [{"id": number, "file_name": f"{number}.png", "height": 64, "width": 64} for number in IDS],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": row, "image_id": number, "category_id": 1, "bbox": boxes[number], "iscrowd": 0}
            for row, number in enumerate(IDS, 1)
        ],
    }
    (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(annotation))


def all_right(model, images, sizes, limits):
    """The box of each image, told by its shade, with the score id / 10."""
    ids = [round(image[0, 32, 32].item() / SHADE) for image in images]
    boxes = torch.tensor([BOXES[number] for number in ids], dtype=torch.float32)
    return Detected(torch.arange(len(ids)), boxes, torch.zeros(len(ids)).long(), torch.tensor(ids) / 10)


def test_detections_and_matches_name_images_by_id_whatever_their_order(tmp_path, command, monkeypatch):
    for split in ("train2017", "val2017"):
        write_split(tmp_path / "coco", split)
    monkeypatch.setattr(Detector, "detect", all_right)
    root = ("--dataset", "coco", "--data-root", tmp_path / "coco")
    changes = (*MODEL, "schedule.batch=2", "schedule.iterations=1", "schedule.evaluations=1")
    code, _, err = command(*words(tmp_path / "runs", *root, "--assigner", "fcos", overrides=changes))
    assert code == 0, err
    (folder,) = runs_in(tmp_path / "runs")
    stored, matches = StoredDetections.load(folder.detections), Matches.load(folder.matches)
    ids = stored.image_id.tolist()
    assert sorted(ids) == [3, 7] and stored.scores * 10 == pytest.approx(ids)
    assert stored.boxes.tolist() == [BOXES[number] for number in ids]
    assert matches.image_ids.tolist() == [3, 7]
    assert matches.image_ids[matches.image].tolist() == [3, 7] and matches.score * 10 == pytest.approx([3, 7])
    assert matches.truth_box[matches.object[:, 0]].tolist() == [BOXES[3], BOXES[7]]
    assert folder.read_result().ap == pytest.approx(1.0)


@pytest.mark.parametrize(("change", "says"), [("no objects", "there is no object"), ("crowds", "every object is ign")])
def test_a_validation_set_without_objects_trains_and_says_why_it_has_no_ap(tmp_path, command, change, says):
    for split in ("train2017", "val2017"):
        write_split(tmp_path / "coco", split)
    path = tmp_path / "coco" / "annotations" / "instances_val2017.json"
    annotation = json.loads(path.read_text())
    rows = [row | {"iscrowd": 1} for row in annotation["annotations"]]
    path.write_text(json.dumps(annotation | {"annotations": rows if change == "crowds" else []}))
    root = ("--dataset", "coco", "--data-root", tmp_path / "coco")
    changes = (*MODEL, "schedule.batch=2", "schedule.iterations=1", "schedule.evaluations=1")
    code, out, err = command(*words(tmp_path / "runs", *root, "--assigner", "fcos", overrides=changes))
    assert code == 0 and f"the 2 images to test on: {says}" in err and out.startswith("AP n/a: ")
    assert runs_in(tmp_path / "runs")[0].read_result().ap is None


def test_stored_detections_differ_from_the_evaluated_ones_in_the_name_of_the_image_alone():
    index = truth([[], [], []], ids=[7, 3, 40])
    detected = Detections(np.array([2, 0, 2, 1]), np.eye(4, dtype=np.float32), np.arange(4), np.ones(4, np.float32))
    stored = evaluate.stored(index, detected)
    assert stored.image_id.tolist() == [40, 7, 40, 3]
    for name in ("boxes", "labels", "scores"):
        assert getattr(stored, name) is getattr(detected, name)


def evaluator(*overrides):
    return evaluate.evaluator(load("shapes", "fcos", list(overrides), 0))


def test_the_record_names_what_computed_the_metrics():
    assert evaluator("test.protocol=height").startswith("hotcoco 1.")
    assert evaluator("test.evaluator=pycocotools").startswith("pycocotools 2.")
    assert evaluator("test.protocol=voc10") == f"numpy {np.__version__}"

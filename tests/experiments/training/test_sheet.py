"""The sheet of detections: of which images, in which colours, and what of a broken one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from experiments.data.index import Index
from experiments.data.readers import reader
from experiments.protocols.detections import Detections
from experiments.recipes.load import load
from experiments.records.run_folder import RunFolder
from experiments.training import sheet as sheet_module
from experiments.training.run_spec import find
from experiments.training.sheet import COLUMNS, GAP, ROWS, TILE, write_sheet
from tests.samples import ask, instances, write_coco


@pytest.fixture(scope="module")
def index() -> Index:
    return find(load("shapes", "fcos", ["data.train_images=16", "data.val_images=8"], 0), None).val


def detections(rows: list[tuple[int, tuple, int, float]]) -> Detections:
    image, boxes, labels, scores = zip(*rows, strict=True)
    return Detections(np.array(image), np.array(boxes, np.float32), np.array(labels), np.array(scores))


def sheet(folder, index, detected) -> np.ndarray:
    write_sheet(RunFolder(folder), index, detected)
    with Image.open(RunFolder(folder).sheet) as picture:
        return np.asarray(picture).astype(int)


def test_detections_above_the_score_are_drawn_in_the_scaled_image(tmp_path, index):
    fullest = int(np.diff(index.offsets).argmax())
    box = (8.0, 8.0, 120.0, 120.0)
    low = sheet(tmp_path, index, detections([(fullest, box, 0, 0.29)]))
    high = sheet(tmp_path, index, detections([(fullest, box, 0, 0.31)]))
    assert high.shape == (ROWS * (TILE + GAP), COLUMNS * (TILE + GAP), 3)
    rows, columns = np.nonzero((high - low)[..., 0] > 100)  # the first class is red
    scale, top, left = TILE / 128, (ROWS - 1) * (TILE + GAP), (COLUMNS - 1) * (TILE + GAP)
    assert abs(columns.min() - left - 8 * scale) <= 2 and abs(columns.max() - left - 120 * scale) <= 3
    assert abs(rows.max() - top - 120 * scale) <= 3


def test_the_ten_best_are_named_in_a_crowd(tmp_path, index, monkeypatch):
    drawn = []
    monkeypatch.setattr(sheet_module, "outline", lambda picture, boxes, colours, texts: drawn.append(list(texts)))
    fullest = int(np.diff(index.offsets).argmax())
    scores = np.linspace(0.31, 0.9, 12)[[3, 11, 0, 7, 1, 5, 9, 2, 10, 4, 8, 6]]
    write_sheet(RunFolder(tmp_path), index, detections([(fullest, (8, 8, 99, 99), 0, score) for score in scores]))
    assert drawn[-1] == ["", ""] + [f"{index.classes[0]} {score:.2f}" for score in np.sort(scores)[2:]]


def test_an_image_that_does_not_decode_leaves_its_place_empty(tmp_path):
    write_coco(tmp_path / "data", json.dumps(instances()))
    broken = reader("coco").read(ask(tmp_path / "data", "train2017"))
    (tmp_path / "data" / "train2017" / "a.jpg").write_bytes(b"no picture")
    pixels = sheet(tmp_path, replace(broken, files=None), detections([(0, (1, 1, 9, 9), 0, 0.9)]))
    assert pixels.std() < 2

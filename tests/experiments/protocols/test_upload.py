"""Names, ids and rounding of an upload."""

import json
from zipfile import ZipFile

import numpy as np
import pytest

from experiments.protocols.detections import Detections
from experiments.protocols.upload import upload_name, write_upload


@pytest.mark.parametrize(
    ("algorithm", "name"), [("fcos", "fcos"), ("my/file.py:Nearest", "my-file-py-Nearest"), ("a_b-1", "a-b-1")]
)
def test_the_name_has_no_letter_that_cuts_it(algorithm, name):
    assert upload_name(algorithm) == f"detections_test-dev2017_{name}_results"


def test_rows_are_written_as_they_come(tmp_path):
    boxes = np.array([[0.04, 1.06, 10.11, 5.0], [1e4, 2.5, 12345.678, 3.0]], np.float32)
    detected = Detections(np.array([1, 0]), boxes, np.array([1, 0]), np.array([1e-7, 0.98765432], np.float32))
    path = write_upload(tmp_path, "fcos", detected, np.array([581929, 1]), np.array([1, 90]))
    rows = json.loads(ZipFile(path).read(f"{path.stem}.json"))
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(1, 90), (581929, 1)]
    assert [row["bbox"] for row in rows] == [[0.0, 1.1, 10.1, 3.9], [10000.0, 2.5, 2345.7, 0.5]]
    assert np.array_equal(np.array([row["score"] for row in rows], np.float32), detected.scores)


def test_no_detection_is_an_empty_list(tmp_path):
    none = Detections(np.zeros(0, int), np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, np.float32))
    path = write_upload(tmp_path, "fcos", none, np.array([3]), np.array([1]))
    assert json.loads(ZipFile(path).read(f"{path.stem}.json")) == []

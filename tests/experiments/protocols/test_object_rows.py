"""Which object each detection is matched with, row by row, in a scene small enough to match by hand."""

from functools import partial

import numpy as np
import pytest

from experiments.protocols.coco import evaluate_coco
from experiments.protocols.official import evaluate_official
from experiments.protocols.voc import curve_area, evaluate_voc
from tests.truths import counting, detections, listed_faces, truth

FIRST, SECOND = 7, 3  # image ids: the second image has the lower one
LONE, UNSURE, OTHER_CLASS = (0, 0, 100, 100), (200, 0, 300, 100), (0, 200, 100, 300)
TWIN, NEAR_TWIN = (0, 0, 100, 100), (0, 0, 100, 88)  # IoU .88
COUNTED = [LONE, OTHER_CLASS, TWIN, NEAR_TWIN]  # rows 0 to 3; the unsure object has none
NONE = [-1] * 10


def scene():
    objects = [[(LONE, 0), (UNSURE, 0), (OTHER_CLASS, 1)], [(TWIN, 0), (NEAR_TWIN, 0)]]
    return truth(objects, ignore=[1], ids=[FIRST, SECOND]), detections(
        (0, (0, 200, 100, 273), 1, 0.5),  # IoU .73 with the object of class 1
        (0, LONE, 0, 0.9),
        (0, (0, 0, 100, 72), 0, 0.8),  # IoU .72 with the lone object, which is taken
        (0, UNSURE, 0, 0.7),
        (0, OTHER_CLASS, 0, 0.6),  # there, but of the other class
        (1, TWIN, 0, 0.9),
        (1, TWIN, 0, 0.8),  # COCO's rule goes on to the near twin, VOC's does not
    )


IMAGE_IDS = [SECOND, SECOND, FIRST, FIRST, FIRST, FIRST, FIRST]  # by class, image id and falling score
SCORES = [0.9, 0.8, 0.9, 0.8, 0.7, 0.6, 0.5]
REMAINING = [[0] * 10, NONE, NONE, NONE, [1] * 5 + [-1] * 5]  # .73: right at .5, .55, .6, .65 and .7
RULES = {
    "coco": (partial(evaluate_coco, per_image=100, engine="hotcoco"), [[2] * 10, [3] * 8 + [-1] * 2, *REMAINING]),
    "voc": (partial(evaluate_voc, per_image=100, engine="numpy", average=curve_area), [[2] * 10, NONE, *REMAINING]),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_detection_names_the_row_of_its_object_at_each_threshold(rule):
    evaluate, expected = RULES[rule]
    matches = evaluate(*scene()).matches
    assert matches.image_ids[matches.image].tolist() == IMAGE_IDS
    assert matches.score == pytest.approx(SCORES)
    assert matches.object.tolist() == expected
    assert matches.ignored.tolist() == [[score == SCORES[4]] * 10 for score in SCORES]  # the one on the unsure object


@pytest.mark.parametrize("rule", RULES)
def test_the_row_of_an_object_holds_its_box_class_and_image(rule):
    matches = RULES[rule][0](*scene()).matches
    assert matches.truth_box.tolist() == [list(box) for box in COUNTED]
    assert matches.truth_label.tolist() == [0, 1, 0, 0]
    assert matches.image_ids[matches.truth_image].tolist() == [FIRST, FIRST, SECOND, SECOND]
    rows, thresholds = np.nonzero(matches.matched)
    objects = matches.object[rows, thresholds]
    assert np.array_equal(matches.image[rows], matches.truth_image[objects])
    assert np.array_equal(matches.label[rows], matches.truth_label[objects])


def test_a_face_that_counts_has_a_row_and_one_that_does_not_has_none(tmp_path):
    faces = [(10, 10, 20, 20), (50, 50, 20, 20), (200, 200, 30, 30)]  # x y w h; the second counts in no setting
    objects = listed_faces(tmp_path, {"a": (faces, counting(hard=[1, 3]))})
    detected = detections(*((0, (x, y, x + w, y + h), 0, 0.9 - i / 10) for i, (x, y, w, h) in enumerate(faces)))
    matches = evaluate_official(objects, detected, 100, "numpy").matches
    assert matches.object.tolist() == [[0], [-1], [1]]
    assert matches.ignored.tolist() == [[False], [True], [False]]
    assert matches.truth_box.tolist() == [[10, 10, 30, 30], [200, 200, 230, 230]]

"""VOC's average precision: cases counted by hand, and plain loops in VOC's own pixels."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols.voc import THRESHOLDS, curve_area, eleven_points, evaluate_voc
from tests.oracles import protocols as oracle
from tests.truths import detections, random_scene, truth

BOX, FAR, NOWHERE = (10, 10, 60, 60), (200, 200, 250, 250), (400, 400, 410, 410)
RULES = {"voc07": (eleven_points, oracle.by_eleven), "voc10": (curve_area, oracle.by_area)}


def evaluate(objects, detected, average):
    return evaluate_voc(objects, detected, 100, "numpy", average)


@pytest.mark.parametrize(("average", "ap"), [(eleven_points, 6 / 11), (curve_area, 1 / 2)])
def test_one_of_two_found(average, ap):
    """Precision 1 up to recall 1/2: six of VOC's eleven points, half of the area."""
    scores = evaluate(truth([[(BOX, 0), (FAR, 0)]]), detections((0, BOX, 0, 0.9)), average)
    assert scores.metrics == dict.fromkeys(("APs", "APm", "APl")) | dict.fromkeys(
        ("AP", "AP50", "AP75"), pytest.approx(ap)
    )
    assert scores.per_class == {"a": pytest.approx(ap), "b": None}


@pytest.mark.parametrize(("average", "ap"), [(eleven_points, (6 + 5 * 2 / 3) / 11), (curve_area, 1 / 2 + 1 / 3)])
def test_right_wrong_right(average, ap):
    """Precision 1 at recall 1/2, then 2/3 at recall 1."""
    detected = detections((0, BOX, 0, 0.9), (0, NOWHERE, 0, 0.8), (0, FAR, 0, 0.7))
    assert evaluate(truth([[(BOX, 0), (FAR, 0)]]), detected, average).metrics["AP"] == pytest.approx(ap)


def test_a_difficult_object_is_neither_found_nor_missed():
    objects = truth([[(BOX, 0), (FAR, 0)]], ignore=[1])
    detected = detections((0, FAR, 0, 0.9), (0, FAR, 0, 0.85), (0, BOX, 0, 0.8))
    scores = evaluate(objects, detected, curve_area)
    assert scores.metrics["AP"] == 1.0
    assert scores.matches.ignored.all(1).tolist() == [True, True, False]


def test_a_second_detection_of_an_object_is_wrong():
    objects = truth([[(BOX, 0), (FAR, 0)]])
    detected = detections((0, BOX, 0, 0.9), (0, BOX, 0, 0.8), (0, FAR, 0, 0.7))
    assert evaluate(objects, detected, curve_area).metrics["AP"] == pytest.approx(1 / 2 + 1 / 3)


def test_a_taken_object_is_not_exchanged_for_a_free_one():
    """COCO's rule would give the second detection the second object; VOC's does not."""
    near = (10, 10, 60, 56)  # IoU .92 with BOX
    objects = truth([[(BOX, 0), (near, 0)]])
    detected = detections((0, BOX, 0, 0.9), (0, BOX, 0, 0.8))
    assert evaluate(objects, detected, curve_area).metrics["AP50"] == pytest.approx(1 / 2)


def test_an_iou_equal_to_the_threshold_is_not_enough():
    objects, detected = truth([[((0, 0, 100, 100), 0)]]), detections((0, (0, 0, 100, 75), 0, 0.9))
    metrics = evaluate(objects, detected, curve_area).metrics
    assert [metrics[name] for name in ("AP", "AP50", "AP75")] == [0.5, 1.0, 0.0]


def test_classes_without_objects_are_left_out_and_no_objects_are_no_figure():
    assert evaluate(truth([[(BOX, 0)]]), detections((0, BOX, 1, 0.9)), curve_area).per_class == {"a": 0.0, "b": None}
    empty = evaluate(truth([[], []]), detections(), eleven_points)
    assert set(empty.metrics.values()) | set(empty.per_class.values()) == {None}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_equals_plain_loops_in_voc_pixels(rule, seed):
    objects, detected = random_scene(seed)
    fast, slow = RULES[rule]
    aps = [[oracle.voc_ap(objects, detected, k, t, slow) for t in THRESHOLDS.tolist()] for k in range(3)]
    scores = evaluate(objects, detected, fast)
    assert list(scores.per_class.values()) == pytest.approx([np.mean(row) for row in aps], abs=1e-12)
    columns = np.mean(aps, axis=0)
    assert [scores.metrics[n] for n in ("AP", "AP50", "AP75")] == pytest.approx(
        [columns.mean(), columns[0], columns[5]], abs=1e-12
    )
    assert 0.05 < scores.metrics["AP"] < 0.95


def test_the_order_of_boxes_changes_nothing():
    objects, detected = random_scene(0, steps=0)
    order = np.random.default_rng(1).permutation(len(detected.scores))
    moved = replace(detected, **{name: array[order] for name, array in vars(detected).items()})
    assert evaluate(objects, moved, curve_area) == evaluate(objects, detected, curve_area)

"""The COCO protocol against the official figures of pycocotools' own example, and on cases small enough to count."""

import re
from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols import coco, engines
from experiments.protocols.coco import evaluate_coco
from tests.truths import ORACLE, detections, oracle, random_scene, truth

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
DEFAULT = 100  # detections of an image
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))


def evaluate(objects, detected, per_image):
    """By both engines, which must agree to the last bit."""
    fast, reference = (evaluate_coco(objects, detected, per_image, engine) for engine in ("hotcoco", "pycocotools"))
    assert fast == reference
    return fast


def test_the_twelve_official_figures():
    objects, detected = oracle()
    text = (ORACLE / "val2014_fake_eval_res.txt").read_text()
    official = re.findall(r"= (\d\.\d{3})$", text.split("type=bbox")[1].split("type=keypoints")[0], re.M)
    metrics = evaluate(objects, detected, DEFAULT).metrics
    assert tuple(metrics) == NAMES
    assert [f"{value:.3f}" for value in metrics.values()] == official


def test_the_order_of_images_and_boxes_changes_nothing():
    objects, detected = oracle()
    n, rng = len(objects.image_ids), np.random.default_rng(0)
    order, owner = rng.permutation(n), np.repeat(np.arange(n), np.diff(objects.offsets))
    rows = np.concatenate([np.flatnonzero(owner == i) for i in order])
    columns = {name: getattr(objects, name)[rows] for name in ("boxes", "labels", "ignore", "areas")}
    offsets = np.concatenate([[0], np.cumsum(np.diff(objects.offsets)[order])])
    shuffled = replace(objects, image_ids=objects.image_ids[order], offsets=offsets, **columns)
    moved = replace(detected, image=np.argsort(order)[detected.image])
    assert evaluate(shuffled, moved, DEFAULT) == evaluate(objects, detected, DEFAULT)


def test_ground_truth_fed_back_is_perfect():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 300, (20, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 200, (20, 2))], 1).astype(np.float32)
    images = [[(box, i % 2) for i, box in enumerate(boxes[k::4])] for k in range(4)]
    rows = [(k, box, label, 0.9) for k, image in enumerate(images) for box, label in image]
    scores = evaluate(truth(images), detections(*rows), DEFAULT)
    assert scores.metrics["AP"] == pytest.approx(1.0)
    assert scores.per_class == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


BOX, FAR = (10, 10, 60, 60), (200, 200, 250, 250)


def test_half_found_after_a_miss():
    objects = truth([[(BOX, 0), (FAR, 0)]])
    detected = detections((0, (100, 100, 150, 150), 0, 0.9), (0, BOX, 0, 0.8))
    # Precision 1/2 up to recall 1/2: 51 of COCO's 101 recall points.
    scores = evaluate(objects, detected, DEFAULT)
    assert scores.metrics["AP"] == pytest.approx(0.5 * 51 / 101)
    assert scores.metrics["AR1"] == 0.0
    assert scores.metrics["AR100"] == pytest.approx(0.5)


def test_iou_thresholds():
    objects = truth([[((0, 0, 100, 100), 0)]])
    metrics = evaluate(objects, detections((0, (0, 0, 100, 72), 0, 0.9)), DEFAULT).metrics
    assert metrics["AP50"] == pytest.approx(1.0)
    assert metrics["AP75"] == pytest.approx(0.0)
    assert metrics["AP"] == pytest.approx(0.5)  # .50 .55 .60 .65 .70 of ten


def test_areas_are_of_the_box_unless_given():
    objects = truth([[((0, 0, 20, 20), 0)]])
    detected = detections((0, (0, 0, 20, 20), 0, 0.9))
    assert [evaluate(objects, detected, DEFAULT).metrics[name] for name in ("APs", "APm")] == [pytest.approx(1.0), None]
    given = evaluate(replace(objects, areas=np.array([2000.0])), detected, DEFAULT).metrics
    assert [given[name] for name in ("APs", "APm")] == [None, pytest.approx(1.0)]
    own = evaluate(replace(objects, small_medium=(100.0, 500.0)), detected, DEFAULT).metrics
    assert [own[name] for name in ("APs", "APm")] == [None, pytest.approx(1.0)]


@pytest.mark.parametrize(("per_image", "limits"), [(300, (1, 10, 300)), (5, (1, 5, 5)), (1, (1, 1, 1))])
def test_another_number_of_detections_an_image_than_100(per_image, limits):
    scores = evaluate(truth([[(BOX, 0)]]), detections((0, BOX, 0, 0.9)), per_image)
    assert scores.metrics["AP"] == pytest.approx(1.0)
    assert scores.metrics[f"AR{per_image}"] == pytest.approx(1.0)
    assert [name for name in scores.metrics if name[2:].isdecimal() and name[:2] == "AR"] == list(
        dict.fromkeys(f"AR{limit}" for limit in limits)
    )


def test_more_detections_than_count_in_an_image_do_not_count():
    detected = detections((0, FAR, 0, 0.9), (0, BOX, 0, 0.8))
    metrics = evaluate(truth([[(BOX, 0)]]), detected, 1).metrics
    assert metrics["AP"] == 0.0
    assert evaluate(truth([[(BOX, 0)]]), detected, 2).metrics["AP"] == pytest.approx(0.5)


def test_a_crowd_is_neither_found_nor_missed():
    objects = truth([[(BOX, 0), ((200, 200, 400, 400), 0)]], ignore=[1])
    inside = [(0, (220, 220, 260, 260), 0, 0.95), (0, (300, 300, 340, 340), 0, 0.94)]
    assert evaluate(objects, detections((0, BOX, 0, 0.9), *inside), DEFAULT).metrics["AP"] == pytest.approx(1.0)
    assert evaluate(objects, detections((0, BOX, 0, 0.9)), DEFAULT).metrics["AR100"] == pytest.approx(1.0)


def test_the_first_box_and_image_count():
    """pycocotools takes a match with id 0 for none."""
    assert evaluate(truth([[(BOX, 0)]], ids=[0]), detections((0, BOX, 0, 0.9)), DEFAULT).metrics["AP"] > 0.99


@pytest.mark.parametrize(("ids", "ap"), [((1, 2), 0.5), ((2, 1), 1.0)])
def test_equal_scores_go_by_image_id(ids, ap):
    """As in COCO's own code; the hit is in the second image."""
    objects = truth([[], [(BOX, 0)]], ids=ids)
    metrics = evaluate(objects, detections((0, BOX, 0, 0.9), (1, BOX, 0, 0.9)), DEFAULT).metrics
    assert metrics["AP"] == pytest.approx(ap)


def test_no_detections_score_zero():
    scores = evaluate(truth([[(BOX, 0)], []]), detections(), DEFAULT)
    assert scores.metrics["AP"] == 0.0
    assert scores.per_class == {"a": 0.0, "b": None}


EMPTY, CROWD, ONE = truth([[], []]), truth([[(BOX, 0)]], ignore=[0]), detections((0, BOX, 0, 0.9))


@pytest.mark.parametrize(
    ("objects", "detected"),
    [(truth([]), detections()), (EMPTY, detections()), (EMPTY, ONE), (CROWD, detections()), (CROWD, ONE)],
)
def test_no_ground_truth_is_no_figure(objects, detected):
    scores = evaluate(objects, detected, DEFAULT)
    assert set(scores.metrics.values()) == {None}
    assert scores.per_class == {"a": None, "b": None}


@pytest.mark.parametrize("max_dets", [(1, 10, 100), (1, 3, 7), (10, 100, 1000)])
@pytest.mark.parametrize("seed", range(6))
def test_engines_agree_bit_for_bit(seed, max_dets):
    objects, detected = random_scene(seed, size=400)
    problem = coco._problem(objects, detected, coco._area, None, coco.HEIGHTS if seed % 2 else AREAS, max_dets)
    fast, reference = (engines.curves(problem, engine) for engine in ("hotcoco", "pycocotools"))
    assert all(np.array_equal(a, b) for a, b in zip(fast, reference, strict=True))
    assert len(np.unique(fast[0])) > 20


def test_nothing_is_printed_and_nothing_changed(capsys):
    objects, detected = truth([[(BOX, 0)]]), detections((0, BOX, 0, 0.9))
    before = [array.copy() for array in vars(detected).values()]
    evaluate(objects, detected, DEFAULT)
    assert capsys.readouterr() == ("", "")
    assert all(np.array_equal(a, b) for a, b in zip(before, vars(detected).values(), strict=True))

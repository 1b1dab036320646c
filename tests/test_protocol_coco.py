"""The COCO protocol against the official figures of pycocotools' own example, and on cases small enough to count."""

import re
from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols import coco, engines
from experiments.protocols.interface import Detections
from experiments.records.run_folder import RecordError
from tests.truths import ORACLE, detections, oracle, random_scene, truth

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
DEFAULT = (1, 10, 100)
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))


def evaluate(known, found, max_dets):
    """By both engines, which must agree to the last bit."""
    fast, reference = (coco.evaluate(known, found, max_dets, engine) for engine in ("hotcoco", "pycocotools"))
    assert fast == reference
    return fast


def test_the_twelve_official_figures():
    known, found = oracle()
    text = (ORACLE / "val2014_fake_eval_res.txt").read_text()
    official = re.findall(r"= (\d\.\d{3})$", text.split("type=bbox")[1].split("type=keypoints")[0], re.M)
    figures = evaluate(known, found, DEFAULT).figures
    assert tuple(figures) == NAMES
    assert [f"{value:.3f}" for value in figures.values()] == official


def test_the_order_of_images_and_boxes_changes_nothing():
    known, found = oracle()
    n, rng = len(known.image_ids), np.random.default_rng(0)
    order, owner = rng.permutation(n), np.repeat(np.arange(n), np.diff(known.offsets))
    rows = np.concatenate([np.flatnonzero(owner == i) for i in order])
    columns = {name: getattr(known, name)[rows] for name in ("boxes", "labels", "ignore", "areas")}
    offsets = np.concatenate([[0], np.cumsum(np.diff(known.offsets)[order])])
    shuffled = replace(known, image_ids=known.image_ids[order], offsets=offsets, **columns)
    moved = replace(found, image=np.argsort(order)[found.image])
    assert evaluate(shuffled, moved, DEFAULT) == evaluate(known, found, DEFAULT)


def test_ground_truth_fed_back_is_perfect():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 300, (20, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 200, (20, 2))], 1).astype(np.float32)
    images = [[(box, i % 2) for i, box in enumerate(boxes[k::4])] for k in range(4)]
    rows = [(k, box, label, 0.9) for k, image in enumerate(images) for box, label in image]
    scores = evaluate(truth(images), detections(*rows), DEFAULT)
    assert scores.figures["AP"] == pytest.approx(1.0)
    assert scores.per_class == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}


BOX, FAR = (10, 10, 60, 60), (200, 200, 250, 250)


def test_half_found_after_a_miss():
    known = truth([[(BOX, 0), (FAR, 0)]])
    found = detections((0, (100, 100, 150, 150), 0, 0.9), (0, BOX, 0, 0.8))
    # Precision 1/2 up to recall 1/2: 51 of COCO's 101 recall points.
    scores = evaluate(known, found, DEFAULT)
    assert scores.figures["AP"] == pytest.approx(0.5 * 51 / 101)
    assert scores.figures["AR1"] == 0.0
    assert scores.figures["AR100"] == pytest.approx(0.5)


def test_iou_thresholds():
    known = truth([[((0, 0, 100, 100), 0)]])
    figures = evaluate(known, detections((0, (0, 0, 100, 72), 0, 0.9)), DEFAULT).figures
    assert figures["AP50"] == pytest.approx(1.0)
    assert figures["AP75"] == pytest.approx(0.0)
    assert figures["AP"] == pytest.approx(0.5)  # .50 .55 .60 .65 .70 of ten


def test_areas_are_of_the_box_unless_given():
    known = truth([[((0, 0, 20, 20), 0)]])
    found = detections((0, (0, 0, 20, 20), 0, 0.9))
    assert [evaluate(known, found, DEFAULT).figures[name] for name in ("APs", "APm")] == [pytest.approx(1.0), None]
    given = evaluate(replace(known, areas=np.array([2000.0])), found, DEFAULT).figures
    assert [given[name] for name in ("APs", "APm")] == [None, pytest.approx(1.0)]
    own = evaluate(replace(known, small_medium=(100.0, 500.0)), found, DEFAULT).figures
    assert [own[name] for name in ("APs", "APm")] == [None, pytest.approx(1.0)]


@pytest.mark.parametrize("max_dets", [(1, 10, 300), (1, 5, 5), (1, 1, 1)])
def test_max_dets_without_100(max_dets):
    scores = evaluate(truth([[(BOX, 0)]]), detections((0, BOX, 0, 0.9)), max_dets)
    assert scores.figures["AP"] == pytest.approx(1.0)
    assert scores.figures[f"AR{max_dets[-1]}"] == pytest.approx(1.0)


def test_more_detections_than_max_dets_do_not_count():
    found = detections((0, FAR, 0, 0.9), (0, BOX, 0, 0.8))
    figures = evaluate(truth([[(BOX, 0)]]), found, (1, 1, 1)).figures
    assert figures["AP"] == 0.0
    assert evaluate(truth([[(BOX, 0)]]), found, (1, 2, 2)).figures["AP"] == pytest.approx(0.5)


def test_a_crowd_is_neither_found_nor_missed():
    known = truth([[(BOX, 0), ((200, 200, 400, 400), 0)]], ignore=[1])
    inside = [(0, (220, 220, 260, 260), 0, 0.95), (0, (300, 300, 340, 340), 0, 0.94)]
    assert evaluate(known, detections((0, BOX, 0, 0.9), *inside), DEFAULT).figures["AP"] == pytest.approx(1.0)
    assert evaluate(known, detections((0, BOX, 0, 0.9)), DEFAULT).figures["AR100"] == pytest.approx(1.0)


def test_the_first_box_and_image_count():
    """pycocotools takes a match with id 0 for none."""
    assert evaluate(truth([[(BOX, 0)]], ids=[0]), detections((0, BOX, 0, 0.9)), DEFAULT).figures["AP"] > 0.99


@pytest.mark.parametrize(("ids", "ap"), [((1, 2), 0.5), ((2, 1), 1.0)])
def test_equal_scores_go_by_image_id(ids, ap):
    """As in COCO's own code; the hit is in the second image."""
    known = truth([[], [(BOX, 0)]], ids=ids)
    figures = evaluate(known, detections((0, BOX, 0, 0.9), (1, BOX, 0, 0.9)), DEFAULT).figures
    assert figures["AP"] == pytest.approx(ap)


def test_no_detections_score_zero():
    scores = evaluate(truth([[(BOX, 0)], []]), detections(), DEFAULT)
    assert scores.figures["AP"] == 0.0
    assert scores.per_class == {"a": 0.0, "b": None}


EMPTY, CROWD, ONE = truth([[], []]), truth([[(BOX, 0)]], ignore=[0]), detections((0, BOX, 0, 0.9))


@pytest.mark.parametrize(
    ("known", "found"),
    [(truth([]), detections()), (EMPTY, detections()), (EMPTY, ONE), (CROWD, detections()), (CROWD, ONE)],
)
def test_no_ground_truth_is_no_figure(known, found):
    scores = evaluate(known, found, DEFAULT)
    assert set(scores.figures.values()) == {None}
    assert scores.per_class == {"a": None, "b": None}


@pytest.mark.parametrize("max_dets", [DEFAULT, (1, 3, 7), (10, 100, 1000)])
@pytest.mark.parametrize("seed", range(6))
def test_engines_agree_bit_for_bit(seed, max_dets):
    known, found = random_scene(seed, size=400)
    problem = coco._problem(known, found, coco._area, None, coco.HEIGHTS if seed % 2 else AREAS, max_dets)
    ours, theirs = (engines.curves(problem, engine) for engine in ("hotcoco", "pycocotools"))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert len(np.unique(ours[0])) > 20


def test_nothing_is_printed_and_nothing_changed(capsys):
    known, found = truth([[(BOX, 0)]]), detections((0, BOX, 0, 0.9))
    before = [array.copy() for array in vars(found).values()]
    evaluate(known, found, DEFAULT)
    assert capsys.readouterr() == ("", "")
    assert all(np.array_equal(a, b) for a, b in zip(before, vars(found).values(), strict=True))


@pytest.mark.parametrize("found", [detections(), detections((0, BOX, 1, 0.9), (3, FAR, 0, 0.1))])
def test_detections_come_back(tmp_path, found):
    path = tmp_path / "detections.npz"
    found.save(path)
    back = Detections.load(path)
    for name, array in vars(found).items():
        assert np.array_equal(getattr(back, name), array)
        assert getattr(back, name).dtype == array.dtype
    assert [p.name for p in tmp_path.iterdir()] == ["detections.npz"]


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04broken", b"text"])
def test_unreadable_detections_are_named(tmp_path, content):
    path = tmp_path / "detections.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=r"detections\.npz"):
        Detections.load(path)


def test_pickled_detections_are_refused(tmp_path):
    path = tmp_path / "detections.npz"
    np.savez(path, image=np.array([{}], dtype=object))
    with pytest.raises(RecordError):
        Detections.load(path)

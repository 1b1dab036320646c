"""The stored matches: flag for flag those of pycocotools, and AP comes out of them alone, for every protocol."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols import coco, engines, matching, official
from experiments.protocols.coco import evaluate_coco, evaluate_height
from experiments.protocols.interface import THRESHOLDS
from experiments.protocols.official import evaluate_official
from experiments.protocols.voc import curve_area, eleven_points, evaluate_voc
from experiments.records.arrays import Matches
from tests.truths import counting, detections, listed_faces, oracle, random_scene, truth

MOST = 20  # detections of an image
AREAS = ((0.0, 1e10), (0.0, 900.0), (900.0, 2500.0), (2500.0, 1e10))  # of all, and of some in a scene of 120 px
HEIGHTS = ((10.0, 1e5), (10.0, 30.0), (30.0, 50.0), (50.0, 1e5))


def of_101(recall, precision):
    """COCO: the mean at 101 recalls."""
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return best[np.searchsorted(recall, np.linspace(0, 1, 101))].mean()


def recomputed(matches, k, average):
    """AP of a class from the record alone; None without objects."""
    count = (matches.truth_label == k).sum()
    rows = np.flatnonzero(matches.label == k)
    rows = rows[np.argsort(-matches.score[rows], kind="stable")]
    aps = []
    for t in range(len(matches.thresholds)):
        right, judged = (
            np.cumsum(matches.matched[rows, t] & ~matches.ignored[rows, t]),
            np.cumsum(~matches.ignored[rows, t]),
        )
        aps.append(average(right / max(count, 1), right / np.maximum(judged, 1)))
    return float(np.mean(aps)) if count else None


PROTOCOLS = {
    "coco": (lambda *scene: evaluate_coco(*scene, MOST, "hotcoco"), of_101),
    "height": (lambda *scene: evaluate_height(*scene, MOST, "hotcoco"), of_101),
    "voc07": (lambda *scene: evaluate_voc(*scene, MOST, "numpy", eleven_points), eleven_points),
    "voc10": (lambda *scene: evaluate_voc(*scene, MOST, "numpy", curve_area), curve_area),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_ap_comes_out_of_the_record(tmp_path, protocol, seed):
    evaluate, average = PROTOCOLS[protocol]
    objects, detected = random_scene(seed, images=8, detected=900)
    scores = evaluate(objects, detected)
    scores.matches.save(tmp_path / "matches.npz")
    back = Matches.load(tmp_path / "matches.npz")
    aps = [recomputed(back, k, average) for k in range(len(objects.classes))]
    assert list(scores.per_class.values()) == pytest.approx(aps, abs=1e-12)
    assert scores.metrics["AP"] == pytest.approx(np.mean(aps), abs=1e-12)


def test_the_official_ap_comes_out_of_the_record(tmp_path):
    """Its steps are of the stretched score, so the record is read at 1000 thresholds of it."""
    rng = np.random.default_rng(0)
    boxes = [(30 * i, 0, 20, 20) for i in range(20)]
    objects = listed_faces(tmp_path, {"a": (boxes, counting(hard=range(1, 16))), "b": (boxes[:5], counting(hard=[1]))})
    rows = [
        (int(rng.integers(2)), (x, y, x + w + int(rng.integers(9)), y + h), 0, rng.random()) for x, y, w, h in boxes * 3
    ]
    scores = evaluate_official(objects, detections(*rows), MOST, "numpy")
    m = scores.matches
    order = np.argsort(-m.score, kind="stable")
    step = np.searchsorted(-official.stretched(m.score.astype(float))[order], -(1 - np.arange(1, 1001) / 1000), "right")
    right, judged = (np.append(0, np.cumsum(x[order, 0]))[step] for x in (m.matched & ~m.ignored, ~m.ignored))
    assert scores.metrics["AP"] == pytest.approx(curve_area(right / len(m.truth_image), right / np.maximum(judged, 1)))


def rows_of_pycocotools(problem, max_det, bounds):
    """A detection each: class, image, score, row of its object at each threshold (-1: none) and the ignore flags."""
    engine = engines._pycocotools(problem)
    engine.params.maxDets, engine.params.areaRng = [max_det], [list(bounds)]
    engine.evaluate()
    rows = []
    for one in filter(None, engine.evalImgs):
        for d, score in enumerate(one["dtScores"]):
            objects = tuple(one["dtMatches"][:, d].astype(int) - 1)  # ids start at 1, 0 is none
            ignored = tuple(one["dtIgnore"][:, d].astype(bool))
            rows.append((one["category_id"], one["image_id"], score, objects, ignored))
    return rows


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("ranges", [AREAS, HEIGHTS])
@pytest.mark.parametrize("seed", range(4))
def test_objects_and_flags_equal_those_of_pycocotools(monkeypatch, seed, ranges, place):
    objects, detected = random_scene(seed, images=6, detected=1200, size=120)
    size = coco._height if ranges == HEIGHTS else coco._area
    problem = coco._problem(objects, detected, size, None, ranges, (30,))
    of_all, among_counted = [], matching.among_counted
    monkeypatch.setattr(matching, "among_counted", lambda *a: among_counted(*(of_all.append(a) or a)))
    m = list(coco._matches(objects, problem))[place]
    matched, counted = of_all[place]  # rows of all objects; which of them count
    rows = [
        (label, image, score, tuple(hit), tuple(out))
        for label, image, score, hit, out in zip(m.label, m.image, m.score, matched, m.ignored, strict=True)
    ]
    assert rows == rows_of_pycocotools(problem, 30, ranges[place])
    on_one_that_counts = (matched >= 0) & counted[matched]
    assert np.array_equal(m.matched, on_one_that_counts)
    assert np.array_equal(np.flatnonzero(counted)[m.object[m.matched]], matched[on_one_that_counts])
    assert 0 < m.ignored.mean() < 1 and 0 < m.matched.mean() < 1 and (matched[~m.matched] >= 0).any()


LEFT, RIGHT, MIDDLE = (0, 0, 10, 10), (4, 0, 14, 10), (2, 0, 12, 10)  # the middle overlaps both alike


@pytest.mark.parametrize(("protocol", "hits"), [("coco", [True, True]), ("voc10", [True, False])])
def test_of_equal_overlaps_coco_takes_the_last_and_voc_the_first(protocol, hits):
    """So that the second detection, on the left object, finds it free or taken."""
    objects, detected = truth([[(LEFT, 0), (RIGHT, 0)]]), detections((0, MIDDLE, 0, 0.9), (0, LEFT, 0, 0.8))
    scores = PROTOCOLS[protocol][0](objects, detected)
    assert scores.matches.matched[:, 0].tolist() == hits
    assert scores.metrics["AP50"] == pytest.approx(1.0 if hits[1] else 0.5)


def test_the_official_example_of_coco(tmp_path):
    objects, detected = oracle()
    scores = evaluate_coco(objects, detected, 100, "hotcoco")
    m = scores.matches
    aps = [recomputed(m, k, of_101) for k in range(len(objects.classes))]
    assert list(scores.per_class.values()) == pytest.approx(aps, abs=1e-12)
    assert (len(m.truth_image), m.images) == ((~objects.ignore).sum(), 100)


def test_blocks_of_pairs_change_nothing(monkeypatch):
    objects, detected = random_scene(0)
    at_once = evaluate_coco(objects, detected, MOST, "hotcoco").matches
    monkeypatch.setattr("experiments.protocols.overlaps.BLOCK", 7)
    in_blocks = evaluate_coco(objects, detected, MOST, "hotcoco").matches
    assert all(np.array_equal(a, b) for a, b in zip(vars(at_once).values(), vars(in_blocks).values(), strict=True))


@pytest.mark.parametrize("objects", [truth([]), truth([[], []])])
def test_nothing_at_all_is_a_record_too(tmp_path, objects):
    for evaluate, _ in PROTOCOLS.values():
        matches = evaluate(objects, detections()).matches
        matches.save(tmp_path / "matches.npz")
        assert Matches.load(tmp_path / "matches.npz").matched.shape == (0, 10)


def test_the_record_has_the_types_that_analysis_reads(tmp_path):
    objects, detected = random_scene(0)
    objects = replace(objects, image_ids=objects.image_ids[::-1])
    for evaluate, _ in PROTOCOLS.values():
        m = evaluate(objects, detected).matches
        kinds = [array.dtype.name for array in vars(m).values()]
        assert kinds[:6] == ["int32", "int32", "float32", "int32", "bool", "float64"]
        assert kinds[6:] == ["int32", "int32", "float32", "int64"]
        counts = ~objects.ignore & ~small(m, objects)
        owner = np.repeat(objects.image_ids, np.diff(objects.offsets))
        assert m.image_ids[m.truth_image].tolist() == owner[counts].tolist()
        assert m.image_ids.tolist() == sorted(objects.image_ids)
        assert (
            np.array_equal(m.truth_box, objects.boxes[counts])
            and m.truth_label.tolist() == objects.labels[counts].tolist()
        )
        assert m.thresholds == pytest.approx(THRESHOLDS)


def small(matches, objects):
    """Faces under 10 px, where the protocol left out more than the ignored ones."""
    under = objects.boxes[:, 3] - objects.boxes[:, 1] < 10
    return under if len(matches.truth_image) < (~objects.ignore).sum() else np.zeros_like(under)

"""The stored matches: flag for flag those of pycocotools, and AP comes out of them alone, for every protocol."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.protocols import coco, engines, official, voc
from experiments.protocols.interface import THRESHOLDS, Matches
from experiments.records.run_folder import RecordError
from tests.test_protocol_official import keep, write
from tests.truths import detections, oracle, random_scene, truth

MOST = (1, 5, 20)


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
    "coco": (lambda *scene: coco.evaluate(*scene, MOST, "hotcoco"), of_101),
    "height": (lambda *scene: coco.height(*scene, "hotcoco"), of_101),
    "voc07": (lambda *scene: voc.evaluate(*scene, voc.eleven_points), voc.eleven_points),
    "voc10": (lambda *scene: voc.evaluate(*scene, voc.area), voc.area),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_ap_comes_out_of_the_record(tmp_path, protocol, seed):
    evaluate, average = PROTOCOLS[protocol]
    known, found = random_scene(seed, images=8, found=900)
    scores = evaluate(known, found)
    scores.matches.save(tmp_path / "matches.npz")
    back = Matches.load(tmp_path / "matches.npz")
    aps = [recomputed(back, k, average) for k in range(len(known.classes))]
    assert list(scores.per_class.values()) == pytest.approx(aps, abs=1e-12)
    assert scores.figures["AP"] == pytest.approx(np.mean(aps), abs=1e-12)


def test_the_official_ap_comes_out_of_the_record(tmp_path):
    """Its steps are of the stretched score, so the record is read at 1000 thresholds of it."""
    rng = np.random.default_rng(0)
    boxes = [(30 * i, 0, 20, 20) for i in range(20)]
    known = write(tmp_path, {"a": (boxes, keep(hard=range(1, 16))), "b": (boxes[:5], keep(hard=[1]))})
    rows = [
        (int(rng.integers(2)), (x, y, x + w + int(rng.integers(9)), y + h), 0, rng.random()) for x, y, w, h in boxes * 3
    ]
    scores = official.evaluate(known, detections(*rows))
    m = scores.matches
    order = np.argsort(-m.score, kind="stable")
    step = np.searchsorted(-official.stretched(m.score.astype(float))[order], -(1 - np.arange(1, 1001) / 1000), "right")
    right, judged = (np.append(0, np.cumsum(x[order, 0]))[step] for x in (m.matched & ~m.ignored, ~m.ignored))
    assert scores.figures["AP"] == pytest.approx(voc.area(right / len(m.truth_image), right / np.maximum(judged, 1)))


def flags(problem, max_det):
    """matched and ignored of pycocotools, as sets of (image, class, score, flags of a detection)."""
    engine = engines._pycocotools(problem)
    engine.params.maxDets, engine.params.areaRng = [max_det], [list(problem.ranges[0])]
    engine.evaluate()
    rows = []
    for one in filter(None, engine.evalImgs):
        for d, score in enumerate(one["dtScores"]):
            hit = tuple(one["dtMatches"][:, d] > 0)
            rows.append((one["category_id"], one["image_id"], score, hit, tuple(one["dtIgnore"][:, d].astype(bool))))
    return rows


@pytest.mark.parametrize("ranges", [((0.0, 1e10),), coco.HEIGHTS])
@pytest.mark.parametrize("seed", range(4))
def test_flags_equal_those_of_pycocotools(seed, ranges):
    known, found = random_scene(seed, images=6, found=1200, size=120)
    size = coco._area if len(ranges) == 1 else coco._height
    problem = coco._problem(known, found, size, None, ranges, (30,))
    m = coco._matches(known, problem)
    rank = np.argsort(np.argsort(known.image_ids))
    ours = [
        (label, rank[image], score, tuple(hit), tuple(out))
        for label, image, score, hit, out in zip(m.label, m.image, m.score, m.matched, m.ignored, strict=True)
    ]
    assert ours == flags(problem, 30)
    assert 0 < m.ignored.mean() < 1 and 0 < m.matched.mean() < 1


LEFT, RIGHT, MIDDLE = (0, 0, 10, 10), (4, 0, 14, 10), (2, 0, 12, 10)  # the middle overlaps both alike


@pytest.mark.parametrize(("protocol", "hits"), [("coco", [True, True]), ("voc10", [True, False])])
def test_of_equal_overlaps_coco_takes_the_last_and_voc_the_first(protocol, hits):
    """So that the second detection, on the left object, finds it free or taken."""
    known, found = truth([[(LEFT, 0), (RIGHT, 0)]]), detections((0, MIDDLE, 0, 0.9), (0, LEFT, 0, 0.8))
    scores = PROTOCOLS[protocol][0](known, found)
    assert scores.matches.matched[:, 0].tolist() == hits
    assert scores.figures["AP50"] == pytest.approx(1.0 if hits[1] else 0.5)


def test_the_official_example_of_coco(tmp_path):
    known, found = oracle()
    scores = coco.evaluate(known, found, (1, 10, 100), "hotcoco")
    m = scores.matches
    aps = [recomputed(m, k, of_101) for k in range(len(known.classes))]
    assert list(scores.per_class.values()) == pytest.approx(aps, abs=1e-12)
    assert (len(m.truth_image), int(m.images)) == ((~known.ignore).sum(), 100)


def test_blocks_of_pairs_change_nothing(monkeypatch):
    known, found = random_scene(0)
    whole = coco.evaluate(known, found, MOST, "hotcoco").matches
    monkeypatch.setattr("experiments.protocols.overlaps.BLOCK", 7)
    parts = coco.evaluate(known, found, MOST, "hotcoco").matches
    assert all(np.array_equal(a, b) for a, b in zip(vars(whole).values(), vars(parts).values(), strict=True))


@pytest.mark.parametrize("known", [truth([]), truth([[], []])])
def test_nothing_at_all_is_a_record_too(tmp_path, known):
    for evaluate, _ in PROTOCOLS.values():
        matches = evaluate(known, detections()).matches
        matches.save(tmp_path / "matches.npz")
        assert Matches.load(tmp_path / "matches.npz").matched.shape == (0, 10)


def test_the_record_has_the_types_that_analysis_reads(tmp_path):
    known, found = random_scene(0)
    known = replace(known, image_ids=known.image_ids[::-1])
    for evaluate, _ in PROTOCOLS.values():
        m = evaluate(known, found).matches
        kinds = [array.dtype.name for array in vars(m).values()]
        assert kinds == ["int32", "int32", "float32", "bool", "bool", "float64", "int32", "int32", "int64"]
        owner = np.repeat(np.arange(len(known.image_ids)), np.diff(known.offsets))
        assert sorted(m.truth_image) == sorted(owner[~known.ignore & ~small(m, known)])
        assert m.thresholds == pytest.approx(THRESHOLDS)


def small(matches, known):
    """Faces under 10 px, where the protocol left out more than the ignored ones."""
    under = known.boxes[:, 3] - known.boxes[:, 1] < 10
    return under if len(matches.truth_image) < (~known.ignore).sum() else np.zeros_like(under)


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / "matches.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(RecordError, match=r"matches\.npz"):
        Matches.load(tmp_path / "matches.npz")

"""Equal and nearly equal scores: AP read back from the stored matches is the record's, for every protocol."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.matches import ap_of_draws, load_matches
from experiments.protocols.registry import PROTOCOLS
from tests.truths import counting, detections, listed_faces, random_scene, truth

BOX, FAR = (10, 10, 60, 60), (200, 200, 250, 250)
SCORES = {  # of the random scene, tenths in float32
    "in tenths": lambda score, rng: score,
    "in tenths, as doubles": lambda score, rng: score.astype(np.float64).round(1),
    "equal as float32 alone": lambda score, rng: score + rng.integers(0, 3, len(score)) * 1e-10,
    "negative and large": lambda score, rng: (score - np.float32(0.5)) * np.float32(1e6),
    "all equal": lambda score, rng: np.full_like(score, 0.5),
}


def read_back(folder, matches, protocol):
    """AP of the protocol, from matches.npz alone."""
    matches.save(folder / "matches.npz")
    m = load_matches(folder / "matches.npz")
    return ap_of_draws(m, np.ones((m.images, 1), np.float32), protocol.recall_points, protocol.score_steps)[0]


def scene(folder, seed, protocol):
    """Ids in no order, ignored objects, detections given twice, a class without objects and one without detections."""
    one = PROTOCOLS[protocol].score_steps > 0  # the lists of WIDER FACE have one class
    objects, detected = random_scene(seed, images=8, classes=1 if one else 3, boxes=60, detected=300, size=150)
    again = np.arange(len(detected.scores)).repeat(np.random.default_rng(seed).integers(1, 3, len(detected.scores)))
    detected = replace(detected, **{name: column[again] for name, column in vars(detected).items()})
    if not one:
        detected.labels[detected.labels == 2] = 3
        return replace(objects, classes=("a", "b", "c", "without objects")), detected
    xywh = np.concatenate([objects.boxes[:, :2], objects.boxes[:, 2:] - objects.boxes[:, :2]], 1).astype(int)
    of_image = [range(*objects.offsets[i : i + 2]) for i in range(len(objects.image_ids))]
    counts = [counting(hard=[n for n, row in enumerate(rows, 1) if not objects.ignore[row]]) for rows in of_image]
    images = {f"{i}": (xywh[rows].tolist(), counts[i]) for i, rows in enumerate(of_image)}
    return replace(objects, paths=listed_faces(folder, images).paths), detected


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_ap_read_back_is_that_of_the_record(tmp_path, protocol, seed, kind):
    objects, detected = scene(tmp_path, seed, protocol)
    detected = replace(detected, scores=SCORES[kind](detected.scores, np.random.default_rng(seed)))
    scores = PROTOCOLS[protocol].evaluate(objects, detected, 20, "hotcoco")
    assert read_back(tmp_path, scores.matches, PROTOCOLS[protocol]) == pytest.approx(scores.metrics["AP"], abs=1e-12)
    assert 0.02 < scores.metrics["AP"] < 0.98


@pytest.mark.parametrize("order", range(10))
def test_the_order_of_the_images_in_the_index_changes_nothing(tmp_path, order):
    """Scores in tenths, ten orders of one set."""
    objects, detected = random_scene(0)
    n = len(objects.image_ids)
    position, owner = np.random.default_rng(order).permutation(n), np.repeat(np.arange(n), np.diff(objects.offsets))
    rows = np.concatenate([np.flatnonzero(owner == i) for i in position])
    columns = {name: getattr(objects, name)[rows] for name in ("boxes", "labels", "ignore")}
    offsets = np.concatenate([[0], np.cumsum(np.diff(objects.offsets)[position])])
    moved = replace(objects, image_ids=objects.image_ids[position], offsets=offsets, **columns)
    of_moved = replace(detected, image=np.argsort(position)[detected.image])
    for protocol in ("coco", "height", "voc07", "voc10"):
        rule = PROTOCOLS[protocol]
        first, second = (rule.evaluate(*pair, 20, "hotcoco") for pair in ((objects, detected), (moved, of_moved)))
        assert first == second
        assert read_back(tmp_path, second.matches, rule) == pytest.approx(first.metrics["AP"], abs=1e-12)


@pytest.mark.parametrize(("ids", "ap"), [((1, 2), 0.5), ((2, 1), 1.0)])
@pytest.mark.parametrize("protocol", ["coco", "height", "voc07", "voc10"])
def test_of_two_equal_scores_the_lower_image_id_comes_first_in_the_record_too(tmp_path, protocol, ids, ap):
    """The hit is in the second image."""
    rule = PROTOCOLS[protocol]
    scores = rule.evaluate(
        truth([[], [(BOX, 0)]], ids=ids), detections((0, BOX, 0, 0.9), (1, BOX, 0, 0.9)), 100, "hotcoco"
    )
    assert scores.metrics["AP"] == pytest.approx(ap)
    assert read_back(tmp_path, scores.matches, rule) == pytest.approx(ap)


@pytest.mark.parametrize("gap", [1e-9, -1e-9])
@pytest.mark.parametrize("protocol", ["coco", "height", "voc07", "voc10"])
def test_scores_that_a_float32_would_tie_are_told_apart(tmp_path, protocol, gap):
    """A tie would put the first row first, which is the miss."""
    detected = detections((0, FAR, 0, 0.5), (0, BOX, 0, 0.5))
    detected = replace(detected, scores=np.array([0.5, 0.5 + gap]))
    rule = PROTOCOLS[protocol]
    scores = [rule.evaluate(truth([[(BOX, 0)]]), detected, 100, engine) for engine in ("hotcoco", "pycocotools")]
    assert scores[0] == scores[1] and scores[0].metrics["AP"] == pytest.approx(1.0 if gap > 0 else 0.5)
    assert scores[0].matches.score.tolist() == sorted([0.5, 0.5 + gap], reverse=True)
    read = read_back(tmp_path, scores[0].matches, rule)
    assert read == pytest.approx(scores[0].metrics["AP"], abs=1e-12)

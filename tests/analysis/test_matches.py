"""AP from stored matches against a slow loop over detections, and matches that do not fit."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analysis import matches
from analysis.matches import ap_of_draws, load_matches
from analysis.stats import multiplicities
from experiments.records.arrays import Matches
from experiments.records.files import RecordError

T = 3
ONCE = np.ones((7, 1), np.float32)


def scene(seed: int, images: int = 7, classes: int = 3, detections: int = 60, objects: int = 25) -> Matches:
    """Hits never exceed the objects of their image and class; rows of equal score in no order of their images."""
    g = np.random.default_rng(seed)
    truth_image, truth_label = g.integers(0, images, objects), g.integers(0, classes, objects)
    image, label = g.integers(0, images, detections), g.integers(0, classes, detections)
    score = g.choice([0.1, 0.3, 0.5, 0.7, 0.9], detections) + g.random(detections) * (g.random(detections) < 0.5) * 0.01
    matched, ignored = np.zeros((detections, T), bool), g.random((detections, T)) < 0.1
    for t in range(T):
        free = np.zeros((images, classes), int)
        np.add.at(free, (truth_image, truth_label), 1)
        for d in np.argsort(-score, kind="stable"):
            if not ignored[d, t] and free[image[d], label[d]] and g.random() < 0.7:
                matched[d, t], free[image[d], label[d]] = True, free[image[d], label[d]] - 1
    return Matches(
        image=image.astype(np.int32),
        label=label.astype(np.int32),
        score=score.astype(np.float32),
        object=np.where(matched, 0, -1).astype(np.int32),
        ignored=ignored,
        thresholds=np.linspace(0.5, 0.7, T),
        truth_image=truth_image.astype(np.int32),
        truth_label=truth_label.astype(np.int32),
        truth_box=np.zeros((objects, 4), np.float32),
        image_ids=np.arange(images),
    )


def reloaded(folder, stored: Matches) -> Matches:
    stored.save(folder / "matches.npz")
    return load_matches(folder / "matches.npz")


def slow_ap(a: Matches, times: np.ndarray, intervals: int, score_steps: int = 0) -> float:
    """AP of the set in which image v stands times[v] times, detection by detection; of equal scores the first row."""
    low, high = a.score.min(), a.score.max()
    by_class = []
    for label in np.unique(a.truth_label):
        n = sum(times[v] for v, k in zip(a.truth_image, a.truth_label, strict=True) if k == label)
        if n == 0:
            continue
        order = sorted(np.flatnonzero(a.label == label), key=lambda d: -a.score[d])
        reached = [float((a.score[d] - low) / (high - low)) for d in order]
        ends = {sum(s >= 1 - i / score_steps for s in reached) for i in range(1, score_steps + 1)}
        ends = ends if score_steps else range(len(order) + 1)
        by_class.append([slow_curve(a, order, times, n, t, intervals, ends) for t in range(T)])
    return float(np.mean(by_class)) if by_class else float("nan")


def slow_curve(a: Matches, order: list[int], times: np.ndarray, n: int, t: int, intervals: int, ends) -> float:
    """ends: after how many detections the curve is read."""
    right = wrong = 0
    recall, precision = [0.0], [0.0]
    for rank, d in enumerate(order, 1):
        for _ in range(0 if a.ignored[d, t] else int(times[a.image[d]])):
            right, wrong = right + a.matched[d, t], wrong + (not a.matched[d, t])
        if rank in ends and right + wrong:
            recall.append(right / n)
            precision.append(right / (right + wrong))
    recall, precision = np.array(recall), np.array(precision)
    if intervals == 0:
        return sum((b - x) * precision[recall >= b].max() for x, b in pairwise(recall) if b > x)
    reached = [precision[recall >= r] for r in np.linspace(0, 1, intervals + 1)]
    return float(np.mean([p.max(initial=0.0) for p in reached]))


@pytest.mark.parametrize(("recall_points", "score_steps"), [(101, 0), (11, 0), (0, 0), (0, 1000), (0, 7)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(6))
def test_ap_of_drawn_images_equals_the_slow_loop(tmp_path, seed, kind, recall_points, score_steps):
    """Scores that are equal as float32 are told apart where they are stored as float64."""
    stored = scene(seed)
    close = np.random.default_rng(seed).integers(0, 3, len(stored.score)) * 1e-10
    stored = replace(stored, score=(stored.score + close).astype(kind))
    weights = np.concatenate([ONCE, multiplicities(7, 5, np.random.default_rng(seed))], 1)
    fast = ap_of_draws(reloaded(tmp_path, stored), weights, recall_points, score_steps)
    slow = [slow_ap(stored, times, max(0, recall_points - 1), score_steps) for times in weights.T.astype(int)]
    assert fast == pytest.approx(slow, abs=1e-12)


def test_no_detection_of_a_class_counts_as_zero_and_no_object_not_at_all(tmp_path):
    stored = scene(0, classes=1)
    stored.truth_label[:] = [0, 1] * 12 + [0]
    full = ap_of_draws(reloaded(tmp_path, stored), ONCE, 101)
    first = replace(stored, truth_image=stored.truth_image[::2], truth_label=stored.truth_label[::2])
    assert full == pytest.approx(ap_of_draws(reloaded(tmp_path, first), ONCE, 101) / 2)
    nothing = {"truth_image": np.zeros(0, np.int32), "truth_label": np.zeros(0, np.int32)}
    empty = replace(stored, object=np.full_like(stored.object, -1), **nothing)
    assert np.isnan(ap_of_draws(reloaded(tmp_path, empty), np.ones((7, 2), np.float32), 101)).all()


def test_blocks_do_not_change_the_result(tmp_path, monkeypatch):
    stored, weights = reloaded(tmp_path, scene(1)), multiplicities(7, 11, np.random.default_rng(0))
    at_once = ap_of_draws(stored, weights, 101)
    monkeypatch.setattr(matches, "BLOCK", 64)
    assert np.array_equal(ap_of_draws(stored, weights, 101), at_once)


@pytest.mark.parametrize(
    "change",
    [
        {"image_ids": np.arange(3)},
        {"object": np.zeros((5, T), np.int32)},
        {"object": np.full((60, T), 25, np.int32)},
        {"ignored": np.zeros((60, T), np.int8)},
        {"truth_label": np.zeros(2, np.int32)},
        {"image": np.full(60, -1, np.int32)},
        {"image": np.zeros((0,), object)},
        {"image": np.zeros((60, 1), np.int32)},
        {"image": np.zeros(60)},
        {"label": np.zeros((60, 2), np.int32)},
        {"label": np.full(60, "a")},
        {"score": np.full(60, "a")},
        {"score": np.zeros((60, 1), np.float32)},
        {"score": np.full(60, np.nan, np.float32)},
        {"score": np.zeros((), np.float32)},
        {"object": np.zeros((60, T))},
        {"truth_image": np.zeros((25, 1), np.int32)},
        {"image_ids": np.zeros(())},
    ],
)
def test_matches_that_do_not_fit_are_a_sentence(tmp_path, change):
    with pytest.raises(RecordError, match=r"matches\.npz"):
        reloaded(tmp_path, replace(scene(0), **change))


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_damaged_files_are_a_sentence(tmp_path, damage):
    reloaded(tmp_path, scene(0))
    path = tmp_path / "matches.npz"
    data = bytearray(path.read_bytes())
    data[150:200] = bytes(50) if damage == "flipped" else data[150:200]
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2]}.get(damage, data))
    if damage == "missing":
        path.unlink()
    with pytest.raises(RecordError, match=r"matches\.npz"):
        load_matches(path)

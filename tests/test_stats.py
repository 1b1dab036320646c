"""Statistics against printed values, slow loops and simulated coverage."""

from itertools import pairwise

import numpy as np
import pytest

from analysis import matches
from analysis.matches import Matches, ap
from analysis.stats import holm, mean, multiplicities, paired, quantile
from experiments.records.run_folder import RecordError

T = 3


def scene(seed: int, images: int = 7, classes: int = 3, found: int = 60, objects: int = 25) -> dict[str, np.ndarray]:
    """Arrays of a matches.npz: hits never exceed the objects of their image and class."""
    g = np.random.default_rng(seed)
    truth_image, truth_label = g.integers(0, images, objects), g.integers(0, classes, objects)
    image, label = g.integers(0, images, found), g.integers(0, classes, found)
    score = g.choice([0.1, 0.3, 0.5, 0.7, 0.9], found) + g.random(found) * (g.random(found) < 0.5) * 0.01
    matched, ignored = np.zeros((found, T), bool), g.random((found, T)) < 0.1
    for t in range(T):
        left = np.zeros((images, classes), int)
        np.add.at(left, (truth_image, truth_label), 1)
        for d in np.argsort(-score, kind="stable"):
            if ignored[d, t]:
                matched[d, t] = g.random() < 0.5  # a crowd, or an object that does not count
            elif left[image[d], label[d]] and g.random() < 0.7:
                matched[d, t], left[image[d], label[d]] = True, left[image[d], label[d]] - 1
    return {
        "image": image.astype(np.int32),
        "label": label.astype(np.int32),
        "score": score.astype(np.float32),
        "matched": matched,
        "ignored": ignored,
        "thresholds": np.linspace(0.5, 0.7, T),
        "truth_image": truth_image.astype(np.int32),
        "truth_label": truth_label.astype(np.int32),
        "images": np.array(images),
    }


def saved(path, arrays) -> Matches:
    np.savez(path / "matches.npz", **arrays)
    return matches.load(path / "matches.npz")


def slow(a: dict, times: np.ndarray, steps: int) -> float:
    """AP of the set in which image v stands times[v] times, detection by detection."""
    by_class = []
    for label in np.unique(a["truth_label"]):
        n = sum(times[v] for v, k in zip(a["truth_image"], a["truth_label"], strict=True) if k == label)
        if n == 0:
            continue
        order = sorted(np.flatnonzero(a["label"] == label), key=lambda d: (-a["score"][d], a["image"][d]))
        by_class.append([curve(a, order, times, n, t, steps) for t in range(T)])
    return float(np.mean(by_class)) if by_class else float("nan")


def curve(a: dict, order: list[int], times: np.ndarray, n: int, t: int, steps: int) -> float:
    right = wrong = 0
    recall, precision = [0.0], [0.0]
    for d in order:
        for _ in range(0 if a["ignored"][d, t] else int(times[a["image"][d]])):
            right, wrong = right + a["matched"][d, t], wrong + (not a["matched"][d, t])
            recall.append(right / n)
            precision.append(right / (right + wrong))
    recall, precision = np.array(recall), np.array(precision)
    if steps == 0:
        return sum((b - x) * precision[recall >= b].max() for x, b in pairwise(recall) if b > x)
    reached = [precision[recall >= r] for r in np.linspace(0, 1, steps + 1)]
    return float(np.mean([p.max(initial=0.0) for p in reached]))


@pytest.mark.parametrize("protocol", ["coco", "voc07", "voc10"])
@pytest.mark.parametrize("seed", range(6))
def test_ap_of_drawn_images_equals_the_slow_loop(tmp_path, seed, protocol):
    arrays = scene(seed)
    weights = np.concatenate([np.ones((7, 1), np.float32), multiplicities(7, 5, np.random.default_rng(seed))], 1)
    fast = ap(saved(tmp_path, arrays), weights, protocol)
    wanted = [slow(arrays, times, matches.STEPS[protocol]) for times in weights.T.astype(int)]
    # Copies of an image tie in score; which copy's false one comes first moves a curve, so single draws are compared.
    assert fast[0] == pytest.approx(wanted[0], abs=1e-6)
    assert fast == pytest.approx(wanted, abs=0.05)


def test_no_detection_of_a_class_counts_as_zero_and_no_object_not_at_all(tmp_path):
    arrays = scene(0, classes=1)
    arrays["truth_label"][:] = [0, 1] * 12 + [0]
    full = ap(saved(tmp_path, arrays), np.ones((7, 1), np.float32), "coco")
    only = arrays | {"truth_image": arrays["truth_image"][::2], "truth_label": arrays["truth_label"][::2]}
    assert full == pytest.approx(ap(saved(tmp_path, only), np.ones((7, 1), np.float32), "coco") / 2)
    none = arrays | {"truth_image": np.zeros(0, np.int32), "truth_label": np.zeros(0, np.int32)}
    assert np.isnan(ap(saved(tmp_path, none), np.ones((7, 2), np.float32), "coco")).all()


def test_blocks_do_not_change_the_result(tmp_path, monkeypatch):
    found, weights = saved(tmp_path, scene(1)), multiplicities(7, 11, np.random.default_rng(0))
    whole = ap(found, weights, "coco")
    monkeypatch.setattr(matches, "BLOCK", 64)
    assert np.array_equal(ap(found, weights, "coco"), whole)


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.array(3)},
        {"matched": np.zeros((5, T), bool)},
        {"matched": np.zeros((60, T), np.int8)},
        {"truth_label": np.zeros(2, np.int32)},
        {"image": np.full(60, -1, np.int32)},
        {"image": np.zeros((0,), object)},
    ],
)
def test_matches_that_do_not_fit_are_a_sentence(tmp_path, change):
    with pytest.raises(RecordError, match=r"matches\.npz"):
        saved(tmp_path, scene(0) | change)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_damaged_files_are_a_sentence(tmp_path, damage):
    saved(tmp_path, scene(0))
    path = tmp_path / "matches.npz"
    data = bytearray(path.read_bytes())
    data[150:200] = bytes(50) if damage == "flipped" else data[150:200]
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2]}.get(damage, data))
    if damage == "missing":
        path.unlink()
    with pytest.raises(RecordError, match=r"matches\.npz"):
        matches.load(path)


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.7062), (2, 4.3027), (10, 2.2281), (30, 2.0423), (120, 1.9799)])
def test_quantiles_of_student(freedom, t):
    assert quantile(freedom) == pytest.approx(t, abs=1e-4)  # printed tables


def test_means_and_half_widths():
    assert mean([]) is None
    assert (mean([0.5]).value, mean([0.5]).half, mean([0.5]).n) == (0.5, None, 1)
    assert mean([0.1, 0.2, 0.3]).half == pytest.approx(4.3027 * 0.1 / 3**0.5, abs=1e-5)
    assert mean([0.5, 0.5]).half == 0


def test_holm_on_known_examples():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(p, "holm")
    assert holm([0.5, None, 0.6]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_a_paired_t_test_is_the_printed_one():
    # Student's sleep data (1908): extra hours of ten patients, drug 2 minus drug 1; t = 4.0621, p = 0.00283.
    found = paired(np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]))
    assert (found.value, found.p) == (pytest.approx(1.58), pytest.approx(0.002833, abs=1e-6))
    assert found.half == pytest.approx(0.8798861, abs=1e-6)


def test_one_seed_cannot_tell():
    found = paired(np.array([0.3]), np.array([0.29, 0.31]), 100)
    assert (found.value, found.half, found.p, found.known) == (0.3, None, None, False)


def test_identical_methods_do_not_differ():
    assert paired(np.zeros(3), np.zeros(9), 10).p == 1
    assert paired(np.ones(3), np.ones(9), 10).p == 0


def test_the_noise_of_the_images_widens_the_interval():
    d, g = np.array([0.02, 0.03, 0.025]), np.random.default_rng(0)
    alone, both = paired(d), paired(d, 0.025 + 0.02 * g.standard_normal(4000), 400)
    assert both.half > alone.half and both.p > 0.1 > alone.p


def test_intervals_cover_the_truth():
    """Seeds, images and their interaction are random."""
    g, seeds, images, covered, tries = np.random.default_rng(1), 3, 60, 0, 1000
    for _ in range(tries):
        table = (
            g.normal(0, 0.5, (seeds, 1)) + g.normal(0, 2.0, (1, images)) + g.normal(0, 1.0, (seeds, images)) + 0.7
        )  # difference of seed s on image v
        draws = multiplicities(images, 200, g)
        found = paired(table.mean(1), (table @ draws / images).mean(0), images)
        covered += abs(found.value - 0.7) <= found.half
    assert 0.93 <= covered / tries <= 0.97


def test_every_draw_has_as_many_images():
    draws = multiplicities(50, 30, np.random.default_rng(0))
    assert draws.shape == (50, 30) and (draws.sum(0) == 50).all()
    assert np.array_equal(draws, multiplicities(50, 30, np.random.default_rng(0)))

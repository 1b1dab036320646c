"""WIDER FACE by height: COCO's rule on bins of 10-50, 50-300 and 300 px up."""

import pytest

from experiments.protocols.coco import evaluate_height
from tests.truths import detections, random_scene, truth


def height(objects, detected):
    fast, reference = (evaluate_height(objects, detected, 1000, engine) for engine in ("hotcoco", "pycocotools"))
    assert fast == reference
    return fast


def face(left, top, width, tall):
    return (left, top, left + width, top + tall)


@pytest.mark.parametrize(
    ("tall", "bins"),
    [(9, ""), (10, "s"), (49, "s"), (50, "sm"), (51, "m"), (300, "ml"), (301, "l")],
)
def test_a_face_is_in_the_bins_of_its_height_whatever_its_width(tall, bins):
    """Both bounds of a bin are inside, as in COCO."""
    box = face(0, 0, 2000, tall)
    metrics = height(truth([[(box, 0)]], classes=("face",)), detections((0, box, 0, 0.9))).metrics
    assert {name for name in "sml" if metrics[f"AP{name}"] is not None} == set(bins)
    assert metrics["AP"] == (pytest.approx(1.0) if bins else None)


def test_faces_and_detections_under_ten_pixels_do_not_count():
    big, small, nowhere = face(0, 0, 40, 40), face(100, 100, 9, 9), face(300, 300, 9, 9)
    objects = truth([[(big, 0), (small, 0)]], classes=("face",))
    metrics = height(objects, detections((0, small, 0, 0.9), (0, nowhere, 0, 0.8), (0, big, 0, 0.7))).metrics
    assert metrics["AP"] == pytest.approx(1.0)
    assert metrics["AR1000"] == pytest.approx(1.0)


def test_a_thousand_detections_of_an_image_count():
    corners = [divmod(i, 40) for i in range(1001)]
    boxes = [face(20 * column, 20 * row, 15, 15) for row, column in corners]
    objects = truth([[(box, 0) for box in boxes]], classes=("face",))
    detected = detections(*((0, box, 0, 1 - i / 2000) for i, box in enumerate(boxes)))
    metrics = evaluate_height(objects, detected, 1000, "hotcoco").metrics  # pycocotools takes 20 s
    recalls = [metrics[f"AR{most}"] for most in (10, 100, 1000)]
    assert recalls == [pytest.approx(n / 1001) for n in (10, 100, 1000)]
    assert metrics["AP"] == pytest.approx(100 / 101)  # all recall points but the last


@pytest.mark.parametrize("seed", range(3))
def test_engines_agree_on_crowds_of_faces(seed):
    objects, detected = random_scene(seed, images=4, classes=1, boxes=200, detected=1000, size=400)
    assert len(set(height(objects, detected).metrics.values())) > 5

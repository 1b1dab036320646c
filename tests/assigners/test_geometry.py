"""Overlaps of boxes against plain arithmetic."""

import pytest
import torch

from assigners.geometry import ciou, covered, diou, scaled
from experiments.conformance.scenes import random_boxes
from tests.oracles.common import overlaps


def slow_diou(a: list[float], b: list[float]) -> float:
    iou = overlaps(torch.tensor(a).double(), torch.tensor(b).double())[0].item()
    distance = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    width, height = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    return iou - distance / (width**2 + height**2)


def slow_ciou(a: list[float], b: list[float]) -> float:
    angles = [torch.tensor((x[2] - x[0]) / (x[3] - x[1])).double().atan().item() for x in (a, b)]
    v = 4 / torch.pi**2 * (angles[1] - angles[0]) ** 2
    iou = overlaps(torch.tensor(a).double(), torch.tensor(b).double())[0].item()
    return slow_diou(a, b) - (v / (1 - iou + v) * v if v else 0)


def test_distance_and_aspect_iou_equal_plain_arithmetic():
    a, b = random_boxes(60, 5, 90), random_boxes(60, 5, 90, seed=5)
    b[:5] = a[:5]
    for fast, slow in ((diou, slow_diou), (ciou, slow_ciou)):
        expected = [slow(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
        assert fast(a, b).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert (ciou(a[:5], b[:5]) == 1).all()


def test_a_box_is_scaled_about_its_centre_and_covered_by_its_share():
    box = torch.tensor([[10.0, 20.0, 50.0, 40.0]])
    assert scaled(box, 0.5).tolist() == [[20.0, 25.0, 40.0, 35.0]]
    assert covered(box, scaled(box, 0.5)).tolist() == [0.25]
    assert covered(scaled(box, 0.5), box).tolist() == [1.0]
    assert covered(box, box + 40).tolist() == [0.0]
    assert covered(torch.zeros(1, 4), box).tolist() == [0.0]

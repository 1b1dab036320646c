"""Post-processing against sorting every score and suppressing class by class."""

import pytest
import torch
from torchvision.ops import nms

import assigners
from detector.postprocess import Detected, Limits, postprocess, select
from detector.predictions import DensePredictions
from tests.oracles.scenes import HEIGHT, WIDTH, loose_predictions

Row = tuple[float, int, int]  # score, class, prior of the batch


def highest(preds: DensePredictions, image: int, limits: Limits) -> list[Row]:
    """The candidates of one image, level by level."""
    rows, p = [], preds.grid.size
    for level in preds.grid.levels:
        of_level = []
        for loc in range(image * p + level.start, image * p + level.stop):
            for k in range(preds.logits.shape[1]):
                score = preds.logits[loc, k].sigmoid()
                for branch in preds.branches.values():
                    score = score * branch[loc, 0].sigmoid()
                of_level.append((score.sqrt().item() if preds.spec.style.score == "sqrt" else score.item(), k, loc))
        rows += sorted(of_level, reverse=True)[: limits.per_level]
    return [row for row in rows if row[0] > limits.score_threshold]


def slow_postprocess(preds: DensePredictions, image: int, limits: Limits) -> list[tuple[float, int, list[float]]]:
    """Score, class and box of the detections of one image, best first."""
    rows, boxes, survivors = highest(preds, image, limits), preds.boxes(), []
    edge = torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT])
    for k in sorted({row[1] for row in rows}):
        of_class = [row for row in rows if row[1] == k]
        candidates = torch.minimum(torch.stack([boxes[loc] for _, _, loc in of_class]).clamp(min=0), edge)
        scores = torch.tensor([score for score, _, _ in of_class])
        for i in nms(candidates, scores, preds.spec.style.nms_iou).tolist():
            survivors.append((of_class[i][0], k, candidates[i].tolist()))
    return sorted(survivors, reverse=True)[: limits.detections]


@pytest.mark.parametrize(("name", "objectness"), [("autoassign", "implicit"), ("fcos", "none"), ("retinanet", "none")])
def test_postprocess_equals_sorting_everything(name, objectness):
    spec = assigners.build(name, 3, objectness=objectness).spec()
    preds, limits = loose_predictions(spec, 2, 3, seed=4), Limits(0.3, 40, 25)
    out = postprocess(preds, torch.tensor([[HEIGHT, WIDTH]] * 2), limits)
    for image in range(2):
        slow = slow_postprocess(preds, image, limits)
        fast = out.image == image
        torch.testing.assert_close(out.scores[fast], torch.tensor([row[0] for row in slow]))
        assert out.labels[fast].tolist() == [row[1] for row in slow]
        torch.testing.assert_close(out.boxes[fast], torch.tensor([row[2] for row in slow]))


@pytest.mark.parametrize("place", range(16))
def test_nms_does_not_depend_on_the_place_in_the_batch(place):
    """Two boxes of IoU 0.495, of the last of 365 classes, in a batch of 16: both stay."""
    y = [100.0, 110.0]
    boxes = torch.tensor([[100.26, y[0], 108.26, y[1]], [102.96, y[0], 110.96, y[1]], [0.0, 0.0, 1333.0, 800.0]])
    image, labels = torch.tensor([place, place, 0]), torch.tensor([364, 364, 0])
    out = select(Detected(image, boxes, labels, torch.tensor([0.9, 0.8, 0.7])), 365, 0.5, Limits())
    assert sorted(out.scores.tolist()) == sorted(torch.tensor([0.9, 0.8, 0.7]).tolist())

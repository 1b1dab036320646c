"""RetinaNet's matching against torchvision's, and its oracle by hand."""

import pytest
import torch
from torchvision.models.detection import retinanet_resnet50_fpn
from torchvision.ops import box_iou

import assigners
from detector.grid import make_grid
from tests.oracles import retinanet
from tests.oracles.scenes import SIZES, loose_objects, one_object, two_by_two


@pytest.mark.parametrize("n", [1, 7, 60])
def test_it_matches_as_torchvision_does(n):
    assigner = assigners.build("retinanet", 4)
    grid, truth = make_grid(assigner.spec(), SIZES), loose_objects(n, n, 4)
    matcher = retinanet_resnet50_fpn(weights=None, weights_backbone=None).proposal_matcher
    expected = matcher(box_iou(truth.boxes, grid.boxes))
    a = assigner.assign(grid, truth, None)
    matched = torch.full((grid.size,), -1).index_copy(0, a.loc, a.gt).masked_fill(a.ignore, -2)
    assert torch.equal(matched, expected)


def test_the_oracle_matches_as_counted_by_hand():
    grid = two_by_two()
    assert retinanet.match(grid, one_object([-8.0, -8.0, 8.0, 8.0])) == ({0: 0}, set())
    near = one_object([-4.0, -8.0, 12.0, 8.0])  # IoU 0.6 with two of the anchors
    assert retinanet.match(grid, near)[0] == {0: 0, 1: 0}

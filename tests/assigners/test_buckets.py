"""The hashed boxes against a plain loop over all of them."""

import pytest
import torch
from torch import Tensor

from assigners.buckets import SIDE, near

IMAGES, BOXES = 3, 80  # boxes of an image


def squares(centers: Tensor) -> Tensor:
    return torch.cat((centers - 3, centers + 3), 1)


def pairs_of(centers: Tensor, objects: Tensor, image: Tensor, reach: Tensor) -> list[tuple[int, int]]:
    """What the runs hold: (box, object)."""
    runs = near(squares(centers), IMAGES, squares(objects), image, reach)
    box, gt = runs.pairs(int(runs.length.sum()))
    again = runs.pick(torch.arange(len(box)))
    assert torch.equal(box, again[0]) and torch.equal(gt, again[1])
    return list(zip(box.tolist(), gt.tolist(), strict=True))


def within(centers: Tensor, objects: Tensor, image: Tensor, reach: Tensor, margin: float = 0.0) -> set[tuple[int, int]]:
    """The pairs of one image that lie within reach and margin px of each other, tried one by one."""
    pairs = set()
    for n, (x, y) in enumerate(objects.tolist()):
        rows = range(int(image[n]) * BOXES, int(image[n] + 1) * BOXES)
        rx, ry = (reach[n] + margin).tolist()
        pairs |= {(i, n) for i in rows if abs(centers[i, 0] - x) <= rx and abs(centers[i, 1] - y) <= ry}
    return pairs


@pytest.mark.parametrize("seed", range(4))
def test_every_box_within_reach_is_given_once_and_none_that_is_far(seed):
    draw = torch.Generator().manual_seed(seed)
    centers = torch.rand(IMAGES * BOXES, 2, generator=draw) * torch.tensor([300.0, 150.0])
    centers[::9] = (centers[::9] / SIDE).round() * SIDE  # on the edge of a bucket
    objects, image = torch.rand(12, 2, generator=draw) * 150, torch.arange(12) // 5  # image 2 has the last two
    reach = torch.rand(12, 2, generator=draw) * 60
    reach[3] = 0
    objects[3] = centers[7]
    pairs = pairs_of(centers, objects, image, reach)
    assert len(set(pairs)) == len(pairs)
    assert within(centers, objects, image, reach) <= set(pairs)
    assert set(pairs) <= within(centers, objects, image, reach, margin=SIDE)


def test_boxes_out_of_sight_are_given_where_an_object_reaches_them():
    """Beyond the edges all share the outermost buckets."""
    centers = torch.full((IMAGES * BOXES, 2), 40.0)
    centers[5], centers[6], centers[7] = torch.tensor([[-500.0, 40.0], [1e6, 40.0], [40.0, -3.0]])
    objects = torch.tensor([[-480.0, 40.0], [1e6 + 10, 40.0], [40.0, 0.0], [5000.0, 5000.0]])
    image, reach = torch.zeros(4, dtype=torch.long), torch.full((4, 2), 25.0)
    pairs = pairs_of(centers, objects, image, reach)
    expected = within(centers, objects, image, reach)
    assert {(5, 0), (6, 1), (7, 2)} == expected <= set(pairs)


@pytest.mark.parametrize("wild", [torch.nan, torch.inf, -torch.inf, 1e25, -1e25])
@pytest.mark.parametrize("across", [20.0, 40.0])  # two columns of buckets, three
def test_a_box_of_no_finite_place_hides_no_other(wild, across):
    """The guard for numbers that are not finite speaks later, and names the step."""
    centers = torch.rand(IMAGES * BOXES, 2, generator=torch.Generator().manual_seed(1)) * across
    centers[5] = wild
    objects, image, reach = torch.tensor([[10.0, 10.0]]), torch.zeros(1, dtype=torch.long), torch.full((1, 2), 8.0)
    assert within(centers, objects, image, reach) <= set(pairs_of(centers, objects, image, reach))


def test_no_objects_are_near_nothing():
    none = torch.zeros(0, 2)
    assert pairs_of(torch.rand(IMAGES * BOXES, 2) * 99, none, torch.zeros(0, dtype=torch.long), none) == []

"""Pairs enumerated from the grid against plain loops, and the helpers that rank and sum them."""

import pytest
import torch
from torch import Tensor

from assigners.geometry import iou
from assigners.interface import Grid
from assigners.pairs import (
    best_per_location,
    inside,
    max_iou,
    nearest_per_level,
    overlapping,
    pack,
    pack_least,
    ragged,
    segment_max,
    segment_softmax,
    segment_sum,
    unpack,
    within,
)
from tests.oracles import common
from tests.oracles.scenes import SPECS, lattice, loop_grid, loose_objects, loose_predictions

GRIDS = {name: loop_grid(SPECS[name]) for name in ("retinanet", "fcos", "autoassign")}  # nine anchors; offsets .5, 0


def scene(seed: int, n: int = 12) -> tuple[Tensor, Tensor]:
    """Boxes on a lattice, many of whose edges meet centres, and their images; image 1 has none."""
    boxes = lattice(torch.Generator().manual_seed(seed), n, 0.25, 110)
    boxes[:4] = (boxes[:4] / 8).round() * 8
    return boxes, torch.arange(n) // (n // 2) * 2


def listed(loc: Tensor, gt: Tensor) -> list[tuple[int, int]]:
    return list(zip(gt.tolist(), loc.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", GRIDS)
def test_inside_lists_every_centre_strictly_inside_a_box_by_object(name, seed):
    grid, (boxes, image) = GRIDS[name], scene(seed)
    rows = enumerate(zip(boxes.tolist(), image.tolist(), strict=True))
    expected = [(n, b * grid.size + i) for n, (box, b) in rows for i in common.inside(grid, box)]
    pairs = listed(*inside(grid, boxes, image))
    assert sorted(pairs) == expected and [n for n, _ in pairs] == [n for n, _ in expected]


def test_within_takes_a_region_for_each_level():
    grid, (boxes, image) = GRIDS["fcos"], scene(0)
    regions = boxes[:, None].repeat(1, len(grid.levels), 1)
    regions[:, 1] = 0  # nothing on the second level
    second = range(grid.levels[1].start, grid.levels[1].stop)
    expected = [pair for pair in listed(*inside(grid, boxes, image)) if pair[1] % grid.size not in second]
    assert listed(*within(grid, regions, image)) == expected


@pytest.mark.parametrize("name", GRIDS)
def test_overlapping_lists_every_prior_whose_box_meets_an_object(name):
    grid, (boxes, image) = GRIDS[name], scene(1)
    boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2] + 8)  # with area: a flat one meets nothing
    low, high = (
        torch.maximum(boxes[:, None, :2], grid.boxes[:, :2]),
        torch.minimum(boxes[:, None, 2:], grid.boxes[:, 2:]),
    )
    n, prior = (high > low).all(-1).nonzero().unbind(1)
    expected = sorted(listed(image[n] * grid.size + prior, n))
    windows = overlapping(grid, boxes, image)
    assert sorted(listed(*windows.pairs(torch.arange(len(boxes))))) == expected
    assert windows.counts.tolist() == torch.bincount(n, minlength=len(boxes)).tolist()


def test_blocks_hold_every_object_once_and_about_the_budget():
    grid, (boxes, image) = GRIDS["retinanet"], scene(2, 40)
    windows = overlapping(grid, boxes, image)
    blocks, largest = windows.blocks(5000), int(windows.counts.max())
    assert sorted(torch.cat(blocks).tolist()) == list(range(40)) and len(blocks) > 1
    assert all(windows.counts[block].sum() <= 5000 + largest for block in blocks)


def nearest(grid: Grid, box: Tensor, k: int) -> list[int]:
    """The k nearest priors of each level, equally near ones in the order of the grid."""
    distance = ((grid.centers - (box[:2] + box[2:]) / 2) ** 2).sum(1).tolist()
    levels = [sorted(range(v.start, v.stop), key=lambda i: (distance[i], i))[:k] for v in grid.levels]
    return [i for level in levels for i in level]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9, 10, 400])
@pytest.mark.parametrize("name", ["fcos", "autoassign"])
def test_the_nearest_of_each_level_are_those_of_a_full_sort(name, k):
    grid, (boxes, image) = GRIDS[name], scene(3, 60)
    rows = [[b * grid.size + i for i in nearest(grid, box, k)] for box, b in zip(boxes, image.tolist(), strict=True)]
    assert nearest_per_level(grid, boxes, image, k).tolist() == rows


def test_a_key_orders_by_rank_then_by_the_lower_index_and_gives_both_back():
    rank = torch.tensor([0.0, 1e-30, 0.5, 0.5, torch.nextafter(torch.tensor(0.5), torch.tensor(1.0)), 1.0])
    index = torch.tensor([7, 3, 9, 2**31, 2**32 - 1, 0])
    key = pack(rank, index)
    assert torch.equal(torch.stack(unpack(key)), torch.stack((rank, index)))
    assert key.argsort().tolist() == [0, 1, 3, 2, 4, 5]  # of the two ranks of 0.5, index 9 is the larger key
    assert torch.equal(pack(-rank[:1], index[:1]), key[:1])  # -0 is 0


def test_the_best_of_a_location_is_the_largest_key_that_is_allowed():
    loc, key = torch.tensor([2, 0, 2, 2, 0, 1]), torch.tensor([5, 1, 9, 7, 3, 4])
    allowed = torch.tensor([True, True, False, True, True, False])
    assert best_per_location(loc, key, allowed, 4).tolist() == [False, False, False, True, True, False]


def test_segments_sum_and_weigh_as_loops_do_however_far_the_scores_lie():
    index, n = torch.tensor([3, 0, 3, 0, 3, 1]), 5
    x = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    assert segment_sum(x, index, n).tolist() == [10.0, 32.0, 0.0, 21.0, 0.0]
    assert segment_max(x, index, n).tolist() == [8.0, 32.0, -torch.inf, 16.0, -torch.inf]
    score = torch.tensor([0.0, -3e38, 1.0, -3e38, 1e4, 3e38], requires_grad=True)
    weight = segment_softmax(score, index, n)
    assert weight.tolist() == [0.0, 0.5, 0.0, 0.5, 1.0, 1.0]
    assert torch.autograd.grad(weight.square().sum(), score)[0].isfinite().all()
    owner, rank = ragged(torch.tensor([2, 0, 3]), 5)
    assert owner.tolist() == [0, 0, 2, 2, 2] and rank.tolist() == [0, 1, 0, 1, 2]


@pytest.mark.parametrize("budget", [1, 50, 2**17])
def test_the_largest_iou_of_a_location_is_that_of_all_objects_of_its_image(budget):
    spec = SPECS["fcos"]
    preds, one = loose_predictions(spec, 3, 3, seed=5), loose_objects(9, 2, 3)
    image = torch.tensor([0, 0, 0, 0, 0, 2, 2, 2, 2])
    objects = type(one)(**vars(one) | {"image": image, "images": 3})
    loc = torch.randint(3 * preds.grid.size, (400,), generator=torch.Generator().manual_seed(0))
    table = iou(preds.boxes_at(loc)[:, None], objects.boxes) * (loc[:, None] // preds.grid.size == image)
    assert torch.equal(max_iou(preds, objects, loc, budget), table.amax(1)) and table.max() > 0


def test_the_least_rank_can_come_first_and_of_equal_ones_the_lowest_index():
    rank, index = torch.tensor([3.0, 0.0, 1e-38, 1e30, 0.0, 3.0]), torch.tensor([0, 4, 2, 3, 1, 5])
    key = pack_least(rank, index)
    assert key.argsort(descending=True).tolist() == [4, 1, 2, 0, 5, 3] and (key >= 0).all()

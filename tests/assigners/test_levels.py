"""The choice of a level against plain means."""

import torch

import assigners
from assigners.levels import easiest, level_of
from detector.grid import make_grid
from tests.oracles.scenes import SIZES

GRID = make_grid(assigners.build("fsaf", 1).spec(), SIZES)


def test_a_prior_knows_its_level_in_any_image():
    first = torch.tensor([level.start for level in GRID.levels])
    last = torch.tensor([level.stop - 1 for level in GRID.levels])
    for image in range(2):
        for loc in (first, last):
            assert level_of(GRID, loc + image * GRID.size).tolist() == [0, 1, 2, 3, 4]


def test_the_level_of_least_mean_cost_is_chosen_the_finest_of_equal_ones():
    second, third = GRID.levels[1].start, GRID.levels[2].start
    loc = torch.tensor([0, 1, second, third, second, third, 0])
    gt = torch.tensor([0, 0, 0, 0, 1, 1, 2])
    cost = torch.tensor([1.0, 5.0, 2.0, 2.5, 4.0, 4.0, 3.0])
    counted = torch.tensor([True] * 6 + [False])
    assert easiest(GRID, loc, gt, cost, counted, 4).tolist() == [1, 1, 0, 0]  # 0: nothing is counted
    counted[2] = False
    assert easiest(GRID, loc, gt, cost, counted, 4).tolist() == [2, 1, 0, 0]

"""The grid of priors against plain loops."""

import pytest
import torch

from assigners import build
from detector.grid import make_grid
from tests.oracles.compare import CLASSES, ORACLES
from tests.oracles.scenes import SIZES, SPECS, loop_grid


@pytest.mark.parametrize("method", ORACLES)
def test_the_grid_of_a_method_equals_plain_loops(method):
    grid, expected = make_grid(build(method, num_classes=CLASSES).spec(), SIZES), loop_grid(SPECS[method])
    assert grid.levels == expected.levels and grid.offset == expected.offset
    assert all(torch.allclose(getattr(grid, k), getattr(expected, k)) for k in ("boxes", "centers", "stride", "shapes"))


def test_points_sit_where_the_methods_put_them():
    def first(name):
        return make_grid(build(name, 1).spec(), SIZES).centers[:2].tolist()

    assert first("fcos") == [[4.0, 4.0], [12.0, 4.0]]
    assert first("autoassign") == [[0.0, 0.0], [8.0, 0.0]]


def test_levels_follow_each_other_without_a_gap_and_count_cells():
    grid = make_grid(SPECS["retinanet"], ((8, 3, 5), (16, 2, 3), (32, 1, 1)))
    assert [(v.start, v.stop, v.stride, v.height, v.width) for v in grid.levels] == [
        (0, 135, 8, 3, 5),
        (135, 189, 16, 2, 3),
        (189, 198, 32, 1, 1),
    ]
    assert grid.size == len(grid.boxes) == len(grid.centers) == len(grid.stride) == 198 and grid.per_cell == 9


def test_one_size_has_one_grid():
    """It lives as long as the process: a step builds none."""
    assert make_grid(SPECS["fcos"], SIZES) is make_grid(SPECS["fcos"], SIZES)
    assert make_grid(SPECS["fcos"], SIZES) is not make_grid(SPECS["atss"], SIZES)

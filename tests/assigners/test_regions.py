"""Regions on the pyramid, counted by hand."""

import torch

from assigners.interface import Objects
from assigners.iou_match import by_falling_area
from assigners.regions import BESIDE, FREE, nearest_level, paint
from detector.grid import make_grid
from tests.oracles.scenes import SIZES, SPECS, one_image

GRID = make_grid(SPECS["guidedanchoring"], SIZES)  # levels of 20 x 16, 10 x 8, 5 x 4, 3 x 2 and 2 x 1 cells


def image(*boxes: list[float]) -> Objects:
    return by_falling_area(one_image(torch.tensor(boxes), torch.zeros(len(boxes), dtype=torch.long)))[0]


def picture(objects: Objects, level: int) -> list[str]:
    """A letter a cell: C centre, . free, o neither."""
    regions = paint(GRID, objects, 0.2, 0.5)
    letters = ["." if free else "o" for free in regions.free.tolist()]
    for i in regions.loc[regions.center].tolist():
        letters[i] = "C"
    v = GRID.levels[level]
    text = "".join(letters[v.start : v.stop])
    return [text[row * v.width : (row + 1) * v.width] for row in range(v.height)]


def test_an_object_goes_to_the_level_whose_square_is_nearest_in_size():
    sides = torch.tensor([1e-9, 8, 45.2, 45.3, 64, 90.5, 90.6, 181.1, 400, 4000])
    boxes = torch.cat((torch.zeros(10, 2), sides[:, None].expand(10, 2)), 1)
    assert nearest_level(GRID, boxes).tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 4, 4]
    assert nearest_level(GRID, torch.zeros(1, 4)).tolist() == [0]


def test_a_centre_its_ring_and_the_ring_one_level_up():
    one = image([32.0, 32.0, 72.0, 64.0])  # level 0, cells 4..9 by 4..8
    expected = ["." * 20] * 16
    # Rows: ring 5..7, centre round(5.6)..round(6.4) = 6; columns: ring round(5.25)..round(7.75), centre 6..7.
    expected[5:8] = ["....." + "oooo" + "." * 11, "....." + "oCCo" + "." * 11, "....." + "oooo" + "." * 11]
    assert picture(one, 0) == expected
    # Cells 2..4.5 by 2..4: columns round(2.625)..round(3.875), rows round(2.5)..round(3.5), half to even.
    up = ["." * 10] * 8
    up[2:5] = ["...oo....."] * 3
    assert picture(one, 1) == up
    assert picture(one, 2) == ["....."] * 4


def test_a_smaller_object_paints_over_a_larger_one_whatever_their_order():
    large, small = [32.0, 32.0, 72.0, 64.0], [36.0, 40.0, 60.0, 64.0]
    pictures = [picture(image(*boxes), 0) for boxes in ([large, small], [small, large])]
    assert pictures[0] == pictures[1]
    # The small one: columns ring 5..7, centre 6; rows ring round(5.75)..round(7.25), centre round(6.2)..round(6.8).
    assert pictures[0][5:8] == ["....." + "oooo" + "." * 11, "....." + "oCoo" + "." * 11, "....." + "oCoo" + "." * 11]
    assert len(paint(GRID, image(large, small), 0.2, 0.5).loc) == 2 + 2  # the large one lost its second cell


def test_an_object_beyond_the_border_paints_nothing_and_one_across_it_a_cell():
    assert picture(image([200.0, 10.0, 210.0, 20.0]), 0) == ["." * 20] * 16
    across = picture(image([-20.0, -20.0, 4.0, 4.0]), 0)
    assert across[0].startswith("C") and sum(row.count("C") for row in across) == 1


def test_what_nobody_painted_ranks_below_every_object():
    assert FREE < BESIDE < 0

"""The original FCOS: what tells it from FCOS*, by hand."""

import torch

import assigners
from detector.grid import make_grid
from tests.oracles.scenes import SIZES, one_object

BOX = [8.0, 8.0, 68.0, 68.0]  # max(ltrb) stays within 64 px on the finest level


def test_every_location_inside_is_positive_where_its_level_fits():
    grid = make_grid(assigners.build("plain_fcos", 1).spec(), SIZES)
    a = assigners.build("plain_fcos", 1).assign(grid, one_object(BOX), None)
    x, y = grid.centers.unbind(1)
    within = (x > 8) & (x < 68) & (y > 8) & (y < 68)
    first = torch.arange(grid.size) < grid.levels[0].stop
    assert sorted(a.loc[a.pos > 0].tolist()) == (within & first).nonzero()[:, 0].tolist()
    near = assigners.build("fcos", 1).assign(grid, one_object(BOX), None)
    assert 0 < near.pos.sum() < a.pos.sum()

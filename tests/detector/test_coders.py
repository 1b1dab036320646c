"""Boxes and the numbers of the box branch are each other's inverse."""

import pytest
import torch

import assigners
from detector.coders import coder
from detector.grid import make_grid
from tests.oracles.scenes import SIZES, loose_boxes


@pytest.mark.parametrize("name", ["retinanet", "freeanchor"])
def test_deltas_round_trip(name):
    spec = assigners.build(name, 1).spec()
    grid = make_grid(spec, SIZES)
    prior = torch.arange(0, grid.size, 37)
    target, anchors = loose_boxes(len(prior), 0), (grid.boxes[prior], grid.stride[prior, None])
    torch.testing.assert_close(coder(spec).decode(*anchors, coder(spec).encode(*anchors, target)), target)


def test_distances_round_trip_and_never_turn_a_box_inside_out():
    spec = assigners.build("atss", 1).spec()
    grid = make_grid(spec, SIZES)
    prior = torch.arange(0, grid.size, 7)
    target = torch.cat((grid.centers[prior] - 5, grid.centers[prior] + 9), 1)
    anchors = (grid.boxes[prior], grid.stride[prior, None])
    torch.testing.assert_close(coder(spec).decode(*anchors, coder(spec).encode(*anchors, target)), target)
    decoded = coder(spec).decode(*anchors, torch.full((len(prior), 4), -3.0))
    assert (decoded[:, 2:] >= decoded[:, :2]).all()

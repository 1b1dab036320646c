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


@pytest.mark.parametrize("name", ["atss", "fsaf", "plain_fcos"])
def test_distances_round_trip_and_never_turn_a_box_inside_out(name):
    spec = assigners.build(name, 1).spec()
    grid = make_grid(spec, SIZES)
    prior = torch.arange(0, grid.size, 7)
    target = torch.cat((grid.centers[prior] - 5, grid.centers[prior] + 9), 1)
    anchors = (grid.boxes[prior], grid.stride[prior, None])
    torch.testing.assert_close(coder(spec).decode(*anchors, coder(spec).encode(*anchors, target)), target)
    decoded = coder(spec).decode(*anchors, torch.full((len(prior), 4), -3.0))
    assert (decoded[:, 2:] >= decoded[:, :2]).all()


def test_the_units_of_distances_are_those_of_the_papers():
    anchor, stride = torch.tensor([[60.0, 60.0, 68.0, 68.0]]), torch.tensor([[8.0]])
    raw = torch.tensor([[0.5, 0.0, 1.0, -2.0]])
    for name, reach in (
        ("atss", [4.0, 0.0, 8.0, 0.0]),  # strides
        ("fsaf", [16.0, 0.0032, 32.0, 0.0032]),  # four strides, at least 1e-4 of that
        ("plain_fcos", [1.6487213, 1.0, 2.7182818, 0.1353353]),  # exponentials, px
    ):
        box = coder(assigners.build(name, 1).spec()).decode(anchor, stride, raw)
        expected = [[64 - reach[0], 64 - reach[1], 64 + reach[2], 64 + reach[3]]]
        torch.testing.assert_close(box, torch.tensor(expected), rtol=0, atol=1e-5)


def test_an_exponential_of_any_output_is_finite():
    spec = assigners.build("plain_fcos", 1).spec()
    box = coder(spec).decode(torch.zeros(1, 4), torch.ones(1, 1), torch.full((1, 4), 1e4))
    assert box.isfinite().all()


@pytest.mark.parametrize(
    ("name", "start"), [("autoassign", 4.0), ("fsaf", 0.25), ("plain_fcos", 0.0), ("retinanet", 0.0)]
)
def test_an_untrained_head_says_what_the_style_asks_for(name, start):
    spec = assigners.build(name, 1).spec()
    assert coder(spec).start(spec.style.box_bias) == start

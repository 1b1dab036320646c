"""SAPD: its settings against the oracle, its cells by hand, and the schedule of its selection of levels."""

from dataclasses import replace

import pytest
import torch

import assigners
from assigners.sapd import cells
from detector.grid import make_grid
from tests.oracles import compare, sapd
from tests.oracles.compare import CLASSES, check, fast, prepared, seen
from tests.oracles.scenes import KINDS, SIZES


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "many"])
@pytest.mark.parametrize(
    ("settings", "switch"),
    [({"hard_until": 1.0}, {"hard": True}), ({"coupled": True}, {"coupled": True})],
    ids=["hard", "coupled"],
)
def test_a_setting_equals_the_oracle(settings, switch, kind, monkeypatch, record_property):
    monkeypatch.setitem(compare.ORACLES, "sapd", lambda *scene, implicit: sapd.oracle(*scene, implicit, **switch))
    check("sapd", settings, kind, 2, record_property)


def test_an_object_has_cells_on_every_level_wherever_it_is():
    grid = make_grid(assigners.build("sapd", 1).spec(), SIZES)
    boxes = torch.tensor([[30.0, 41.0, 34.0, 43.0], [500.0, 500.0, 700.0, 900.0], [-90.0, 20.0, -80.0, 40.0]])
    loc, gt = cells(grid, boxes, torch.tensor([0, 0, 1]))
    for n in range(3):
        own = loc[gt == n] - n // 2 * grid.size
        assert all(((own >= v.start) & (own < v.stop)).any() for v in grid.levels)
    first = loc[(gt == 0) & (loc < grid.levels[0].stop)]
    assert first.tolist() == [5 * 20 + 3, 5 * 20 + 4]  # columns 24..32..40 px, rows 40..48


def test_before_half_of_the_training_an_object_has_one_level_then_those_of_the_net():
    assigner, grid, objects, raw = prepared("sapd", {}, "one", 1)
    count = []
    for progress in (0.0, 0.49, 0.5, 1.0):
        preds = replace(seen(assigner, grid, objects, raw), progress=progress)
        loc = assigner.assign(grid, objects, preds)
        at = loc.loc[loc.pos > 0]
        count.append(sum(bool(((at >= v.start) & (at < v.stop)).any()) for v in grid.levels))
    assert count[:2] == [1, 1] and count[2] == count[3] > 1


def test_the_probabilities_learn_from_the_losses_only_where_they_are_coupled():
    gradient = []
    for coupled in (False, True):
        assigner, grid, objects, raw = prepared("sapd", {"coupled": coupled, "net_weight": 0.0}, "random", 2)
        gradient.append(fast(assigner, grid, objects, raw)[2]["net"].abs().max())
    assert gradient[0] == 0 and gradient[1] > 0


def test_without_the_net_no_pyramid_is_asked_for():
    assigner = assigners.build("sapd", CLASSES, selection="hard")
    assert not assigner.spec().pyramid and list(assigner.parameters()) == []

"""FSAF by hand, and its settings against the oracle."""

from dataclasses import replace

import pytest
import torch

import assigners
from assigners.interface import Objects
from detector.grid import make_grid
from tests.oracles import fsaf
from tests.oracles.compare import check
from tests.oracles.scenes import SIZES, loose_predictions, one_image

BIG, SMALL = [20.0, 20.0, 108.0, 108.0], [48.0, 48.0, 80.0, 80.0]  # one centre, so their middles share cells


def assigned(objects: Objects, seed: int = 0, **settings):
    """The assignment among random predictions, and its grid."""
    assigner = assigners.build("fsaf", 2, **settings)
    preds = loose_predictions(assigner.spec(), 1, 2, seed)
    return assigner.assign(preds.grid, objects, preds), preds.grid


def winners(objects: Objects) -> dict[int, int]:
    return fsaf.match(make_grid(assigners.build("fsaf", 2).spec(), SIZES), objects).winner


@pytest.mark.parametrize("kind", ["identical", "nested", "tiny", "random", "many"])
def test_a_wide_shadow_equals_the_oracle(kind, monkeypatch, record_property):
    monkeypatch.setattr(fsaf, "SHADOW", 0.5)
    check("fsaf", {"shadow": 0.5}, kind, 3, record_property)


def test_a_cell_of_two_objects_is_the_smaller_ones_and_ignores_the_class_of_the_other():
    boxes = torch.tensor([BIG, SMALL])
    other, same = one_image(boxes, torch.tensor([0, 1])), one_image(boxes, torch.tensor([1, 1]))
    shared = {loc for loc, n in winners(other).items() if n == 1}
    assert shared and not shared & set(winners(same))  # of one class, it is nobody's
    a, _ = assigned(other)
    weight = {(i, n): (p, q) for i, n, p, q in zip(*(x.tolist() for x in (a.loc, a.gt, a.pos, a.neg)), strict=True)}
    for loc in shared & {i for i, n in weight if n == 0}:
        assert weight[loc, 0] == (0.0, 0.0)
    a, _ = assigned(same)
    assert a.pos[torch.isin(a.loc, torch.tensor(sorted(shared)))].sum() == 0


def test_an_object_keeps_one_level_and_ignores_its_class_on_the_others():
    chosen = set()
    for seed in range(8):
        a, grid = assigned(one_image(torch.tensor([SMALL]), torch.tensor([0])), seed)
        levels = {next(j for j, v in enumerate(grid.levels) if i < v.stop) for i in a.loc[a.pos > 0].tolist()}
        assert len(levels) == 1 and (a.neg == 0).all() and (a.pos == 0).any()
        chosen |= levels
    assert len(chosen) > 1  # the predictions decide


def test_the_middle_of_an_ignore_region_is_no_objects():
    objects = one_image(torch.tensor([SMALL]), torch.tensor([0]))
    covered = replace(objects, ignore=torch.tensor([[0.0, 0.0, 128.0, 128.0]]), ignore_image=torch.tensor([0]))
    assert len(assigned(objects)[0].loc) > 0 and len(assigned(covered)[0].loc) == 0


def test_without_a_positive_the_sums_are_divided_by_the_negatives():
    nothing = one_image(torch.zeros(0, 4), torch.zeros(0, dtype=torch.long))
    a, grid = assigned(nothing)
    assert (a.z_pos, a.z_neg) == (0, grid.size)
    a, _ = assigned(one_image(torch.tensor([SMALL]), torch.tensor([0])))
    assert a.z_neg == a.z_pos == a.pos.sum() > 0

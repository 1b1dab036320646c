"""What the base class adds to every method: crowd regions, and the objects that nothing learns."""

import pytest
import torch

import assigners
from assigners.assigner import ignored
from assigners.interface import Assignment
from assigners.pairs import inside
from experiments.conformance.scenes import NOTHING, random_boxes, random_predictions, to_objects

REGION = torch.tensor([[0.0, 0.0, 256.0, 256.0]])


def test_a_pair_that_says_no_more_than_an_unlisted_one_leaves_its_prior_in_the_crowd():
    objects = to_objects(NOTHING, torch.tensor([[32.0, 32.0, 96.0, 96.0]]), crowd=REGION)
    grid = random_predictions(assigners.build("fcos", 3).spec(), 2).grid
    within, _ = inside(grid, REGION, torch.tensor([1]))
    pos, neg = torch.tensor([0.0, 0.0, 1e-30, 1.0, 0.0, 0.0]), torch.tensor([1.0, 0.999, 1.0, 0.0, 1.0, 1.0])
    loc = within[[0, 1, 2, 3, 3, 4]]  # the fourth is in a pair that says nothing, too
    one = torch.ones(())
    a = Assignment(loc=loc, gt=torch.zeros(6, dtype=torch.long), pos=pos, neg=neg, z_pos=one, z_neg=one)
    expected = torch.zeros(2 * grid.size, dtype=torch.bool).index_fill(0, within, True)
    expected[within[1:4]] = False
    assert torch.equal(ignored(grid, objects, a), expected)


@pytest.mark.parametrize("name", ["fcos", "plain_fcos", "atss"])
def test_a_candidate_that_a_method_refuses_stays_in_the_crowd(name):
    """These methods list candidates that they then refuse, by size or by IoU."""
    assigner, objects = assigners.build(name, 3), to_objects(random_boxes(8, 12, 140), crowd=REGION)
    preds = random_predictions(assigner.spec(), 1)
    a = assigner.assign(preds.grid, objects, preds)
    refused = torch.zeros(len(preds.logits), dtype=torch.bool).index_fill(0, a.loc, True)
    refused = refused.index_fill(0, a.loc[a.pos > 0], False) & (preds.grid.centers < 256).all(1)
    refused &= (preds.grid.centers > 0).all(1)
    assert refused.sum() > 50 and ignored(preds.grid, objects, a)[refused].all()

"""Votes of boxes against plain loops."""

import pytest
import torch

from detector.voting import hard_vote, score_voting, soft_vote
from experiments.conformance.scenes import random_boxes
from tests.oracles import voting as oracle

THRESHOLD, LEAST = 0.66, 0.05


def crowd(seed, count=300, classes=3):
    """Boxes around a few places, so that many join; scores without a tie."""
    generator = torch.Generator().manual_seed(seed)
    places = random_boxes(12, seed, 500)
    boxes = places[torch.arange(count) % 12] + 6 * torch.randn(count, 4, generator=generator)
    boxes = torch.cat((boxes[:, :2], torch.maximum(boxes[:, 2:], boxes[:, :2] + 1)), 1)
    scores = (torch.randperm(count, generator=generator) + 60) / (count + 61)
    return boxes, scores, torch.randint(classes, (count,), generator=generator)


def rows_of(boxes, scores, groups, group):
    own = groups == group
    return list(zip(map(tuple, boxes[own].double().tolist()), scores[own].double().tolist(), strict=True))


def same(out, boxes, scores, groups, slow):
    for group in range(3):
        expected, actual = slow(rows_of(boxes, scores, groups, group)), rows_of(*out, group)
        assert len(actual) == len(expected) > 5
        assert [row[1] for row in actual] == pytest.approx([row[1] for row in expected], abs=1e-6)
        for (a, _), (b, _) in zip(actual, expected, strict=True):
            assert a == pytest.approx(b, abs=1e-3)


@pytest.mark.parametrize("plus", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_soft_vote_equals_its_oracle(seed, plus):
    scene = crowd(seed)
    out = soft_vote(*scene, THRESHOLD, LEAST, plus)
    same(out, *scene, lambda rows: oracle.vote(rows, THRESHOLD, plus, LEAST))
    assert (out[1].diff() <= 0).all() and len(out[1]) > len(hard_vote(*scene, THRESHOLD, plus)[1])


@pytest.mark.parametrize("plus", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_hard_vote_equals_its_oracle(seed, plus):
    scene = crowd(seed)
    same(hard_vote(*scene, THRESHOLD, plus), *scene, lambda rows: oracle.vote(rows, THRESHOLD, plus))


@pytest.mark.parametrize("plus", [0.0, 1.0])
def test_score_voting_equals_its_oracle(plus):
    boxes, scores, groups = crowd(5)
    kept, of_kept = boxes[:40], groups[:40]
    voted = score_voting(kept, of_kept, boxes, scores, groups, plus)
    assert not torch.equal(voted, kept)
    for box, group, new in zip(kept.double().tolist(), of_kept.tolist(), voted.tolist(), strict=True):
        expected = oracle.voted_box(box, rows_of(boxes, scores, groups, group), plus)
        assert new == pytest.approx(expected, abs=1e-3)


def test_two_boxes_by_hand():
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 7.0]])  # of 10 x 10 and 10 x 8 px with the last pixel
    scores, groups = torch.tensor([0.6, 0.4]), torch.tensor([2, 2])
    voted, score, group = soft_vote(boxes, scores, groups, 0.79, 0.05, 1.0)
    assert score.tolist() == pytest.approx([0.6, 0.4 * 0.2]) and group.tolist() == [2, 2]
    torch.testing.assert_close(voted, torch.tensor([[0.0, 0.0, 9.0, 8.2], [0.0, 0.0, 9.0, 7.0]]))
    assert len(soft_vote(boxes, scores, groups, 0.79, 0.05, 0.0)[0]) == 2  # IoU 7 / 9: each stays
    assert torch.equal(soft_vote(boxes, scores, groups, 0.79, 0.05, 0.0)[0], boxes)
    assert hard_vote(boxes, scores, groups, 0.79, 1.0)[1].tolist() == pytest.approx([0.6])
    assert len(hard_vote(boxes, scores, torch.tensor([1, 2]), 0.79, 1.0)[1]) == 2  # of two classes


@pytest.mark.parametrize("vote", [lambda *x: soft_vote(*x, 0.5, 0.05), lambda *x: hard_vote(*x, 0.5)])
def test_no_box_and_boxes_without_area_end(vote):
    none = torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long()
    assert [len(column) for column in vote(*none)] == [0, 0, 0]
    flat = torch.tensor([[5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 5.0, 8.0]])
    boxes, scores, _ = vote(flat, torch.tensor([0.5, 0.9]), torch.zeros(2).long())
    assert torch.equal(boxes, flat.flip(0)) and scores.tolist() == pytest.approx([0.9, 0.5])
    voted = score_voting(flat, torch.zeros(2).long(), flat, scores, torch.zeros(2).long())
    assert torch.equal(voted, flat)

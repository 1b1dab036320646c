"""The rule in which objects claim their best priors, and the order in which they do."""

import torch

from assigners.interface import Objects
from assigners.iou_match import PriorMatches, by_falling_area, match
from assigners.pairs import overlapping
from tests.oracles.scenes import one_image, two_by_two

GRID = two_by_two()  # boxes of 16 px around (0, 0), (8, 0), (0, 8), (8, 8)


def image(*boxes: list[float], labels: list[int] | None = None) -> Objects:
    return one_image(torch.tensor(boxes), torch.tensor(labels or [0] * len(boxes)))


def matched(objects: Objects, positive: float = 0.5, least: float = 0.0, budget: int = 100) -> PriorMatches:
    candidates = overlapping(GRID, objects.boxes, objects.image)
    return match(candidates, GRID.boxes, objects, 4, positive, least, budget)


def test_the_largest_comes_first_then_the_lower_numbers_then_the_lower_class():
    boxes = [[0.0, 0.0, 4.0, 4.0], [8.0, 0.0, 16.0, 8.0], [0.0, 0.0, 4.0, 4.0], [2.0, 0.0, 10.0, 8.0]]
    ordered, order = by_falling_area(image(*boxes, labels=[2, 0, 1, 0]))
    assert order.tolist() == [3, 1, 2, 0]
    assert ordered.boxes.tolist() == [boxes[i] for i in order] and ordered.labels.tolist() == [0, 0, 1, 2]
    assert torch.equal(ordered.on_host.boxes, ordered.boxes)


def test_the_order_stays_within_an_image():
    batch = Objects(
        boxes=torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 3.0, 3.0], [0.0, 0.0, 9.0, 9.0]]),
        labels=torch.tensor([0, 1, 2]), image=torch.tensor([0, 0, 1]), ignore=torch.zeros(0, 4),
        ignore_image=torch.zeros(0, dtype=torch.long), images=2,
    )  # fmt: skip
    assert by_falling_area(batch)[1].tolist() == [1, 0, 2]
    empty = image(labels=[])
    assert len(by_falling_area(Objects(**vars(empty) | {"boxes": torch.zeros(0, 4)}))[1]) == 0


def test_the_last_object_claims_a_prior_even_from_a_better_match():
    exact, corner = [-8.0, -8.0, 8.0, 8.0], [-8.0, -8.0, -2.0, -2.0]  # IoU 1 and 36 / 256 with the first prior
    for budget in (1, 100):
        both = matched(image(exact, corner), budget=budget)
        assert both.positive.tolist() == [True, False, False, False] and both.gt[0] == 1 and both.iou[0] == 1
    assert matched(image(exact, corner), least=0.2).gt.tolist() == [0, 2, 2, 2]  # too low to claim


def test_all_equal_best_priors_are_claimed_and_none_without_overlap():
    middle = image([0.0, 0.0, 8.0, 8.0])  # in each of the four, IoU 64 / 256
    assert matched(middle).positive.tolist() == [True] * 4
    nothing = matched(image([100.0, 100.0, 120.0, 120.0], [3.0, 3.0, 3.0, 3.0]))
    assert not nothing.positive.any() and (nothing.gt == 2).all() and (nothing.iou == 0).all()


def test_of_equal_matches_the_first_object_is_the_best():
    twins = image([-8.0, -8.0, 8.0, 8.0], [-8.0, -8.0, 8.0, 8.0])
    assert matched(twins, least=1.1).gt[0] == 0  # nobody claims
    assert matched(twins).gt[0] == 1

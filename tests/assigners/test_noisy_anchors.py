"""Noisy Anchors by hand: who is listed, the moving normaliser, the sums that the weights leave alone."""

import torch

import assigners
from tests.oracles.scenes import loose_objects, loose_predictions, one_image

CLASSES = 2


def prepared(boxes: torch.Tensor):
    assigner = assigners.build("noisy_anchors", CLASSES)
    objects = one_image(boxes, torch.zeros(len(boxes), dtype=torch.long))
    return assigner, objects, loose_predictions(assigner.spec(), 1, CLASSES, 3)


def test_two_objects_of_one_box_list_the_same_anchors_which_belong_to_the_first():
    assigner, objects, preds = prepared(torch.tensor([[40.0, 40.0, 90.0, 100.0]] * 2))
    a = assigner.assign(preds.grid, objects, preds)
    assert len(a.loc) == len(a.loc.unique()) == 30 and (a.gt == 0).all()


def test_the_cleanest_anchor_of_an_image_has_target_1_and_no_target_is_below_the_mean_iou():
    assigner = assigners.build("noisy_anchors", CLASSES)
    objects, preds = loose_objects(9, 4, CLASSES), loose_predictions(assigner.spec(), 1, CLASSES, 3)
    a = assigner.assign(preds.grid, objects, preds)
    assert a.target.max() == 1 and a.target.min() > 0


def test_the_number_of_positives_moves_in_training_alone_and_is_kept_with_the_weights():
    assigner, objects, preds = prepared(torch.tensor([[40.0, 40.0, 90.0, 100.0]]))
    assigner.eval()(preds, objects)
    assert assigner.state_dict()["positives"] == 100
    for expected in (93.0, 86.7):
        assert assigner.assign(preds.grid, objects, preds).z_pos.item() == torch.tensor(expected)
        assigner.train()(preds, objects)
        assert torch.isclose(assigner.state_dict()["positives"], torch.tensor(expected))


def test_the_weights_leave_both_sums_as_they_were(monkeypatch):
    assigner, objects, preds = prepared(torch.tensor([[40.0, 40.0, 90.0, 100.0], [10.0, 8.0, 70.0, 60.0]]))
    weighted, _ = assigner.eval()(preds, objects)
    original = assigner.assign

    def unweighted(*args):
        a = original(*args)
        a.pos.fill_(1.0)
        return a

    assert original(preds.grid, objects, preds).pos.std() > 0.05
    monkeypatch.setattr(assigner, "assign", unweighted)
    plain, _ = assigner(preds, objects)
    for name in ("cls", "box"):
        torch.testing.assert_close(weighted[name], plain[name])

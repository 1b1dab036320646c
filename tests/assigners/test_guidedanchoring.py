"""GuidedAnchoring: what its sample holds, its bounded IoU, its normalisers, and what it refuses."""

import re
from dataclasses import replace

import pytest
import torch

import assigners
from assigners.errors import AssignerError
from assigners.geometry import iou
from assigners.guidedanchoring import bounded_iou, nine_priors
from assigners.interface import Objects
from assigners.iou_match import by_falling_area
from detector.grid import make_grid
from detector.predictions import DensePredictions
from experiments.conformance.scenes import CLASSES, NOTHING, random_boxes, random_predictions, shuffled, to_objects
from tests.oracles.scenes import SIZES, SPECS, loose_objects, loose_predictions, one_object, scene

BUILD = {"num_classes": CLASSES}


def prepared(batch: Objects, **settings) -> tuple[assigners.assigner.Assigner, DensePredictions]:
    assigner = assigners.build("guidedanchoring", CLASSES, **settings)
    return assigner, random_predictions(assigner.spec(), batch.images)


def sample(batch: Objects, **settings):
    assigner, preds = prepared(batch, **settings)
    return assigner._sample(preds.grid, by_falling_area(batch)[0], preds)


def test_a_sample_holds_all_positives_or_as_many_as_are_allowed():
    few, many = to_objects(random_boxes(2, 30, 90)), to_objects(random_boxes(60, 30, 90))
    _, _, drawn, sampled = sample(few)
    assert 0 < drawn.sum() < 128 and sampled == 256
    _, _, drawn, sampled = sample(many)
    assert drawn.sum() == 128 and sampled == 256
    _, _, drawn, sampled = sample(many, positives=40, samples=50)
    assert drawn.sum() == 40 and sampled == 50
    _, _, drawn, sampled = sample(to_objects(NOTHING, NOTHING))
    assert drawn.sum() == 0 and sampled == 512


def test_the_oracle_has_a_scene_of_more_positives_than_are_drawn():
    grid = make_grid(SPECS["guidedanchoring"], SIZES)
    batch, _ = scene(1, "many", grid, SPECS["guidedanchoring"])
    preds = loose_predictions(SPECS["guidedanchoring"], 1, CLASSES, seed=1)
    assigner = assigners.build("guidedanchoring", CLASSES)
    _, _, drawn, _ = assigner._sample(grid, by_falling_area(batch)[0], preds)
    assert drawn.sum() == 128 and assigner.positives == 128
    loc, _, drawn, _ = assigners.build("guidedanchoring", CLASSES, positives=250)._sample(grid, batch, preds)
    assert drawn.sum() > 128 and len(set(loc.tolist())) == len(loc)


def test_a_sample_is_drawn_anew_at_each_step_and_the_same_at_the_same_step():
    batch = to_objects(random_boxes(60, 30, 90))
    assigner, preds = prepared(batch)
    cells = lambda objects, progress: set(  # noqa: E731
        assigner._sample(preds.grid, by_falling_area(objects)[0], replace(preds, progress=progress))[0].tolist()
    )
    assert cells(batch, 0.5) == cells(shuffled(batch), 0.5)
    assert cells(batch, 0.5) != cells(batch, 0.51)


def test_the_bounded_iou_as_counted_by_hand():
    box = torch.tensor([[10.0, 20.0, 50.0, 100.0]])  # 40 x 80 around (30, 60)
    error = bounded_iou(torch.tensor([[35.0, 60.0]]), torch.tensor([[20.0, 160.0]]), box)
    assert error[0].tolist() == pytest.approx(
        [1 - (40 - 2 * 5) / (40 + 2 * 5), 0.0, 1 - 20 / 40, 1 - 80 / 160], abs=1e-4
    )
    assert bounded_iou(torch.tensor([[300.0, 60.0]]), torch.ones(1, 2), box)[0, 0] == 1


def test_the_nine_priors_are_those_of_retinanet():
    square, nine = (make_grid(SPECS[name], SIZES) for name in ("guidedanchoring", "retinanet"))
    ours = nine_priors(square)
    for name in ("boxes", "centers", "stride", "shapes"):
        assert torch.equal(getattr(ours, name), getattr(nine, name)), name
    assert (ours.levels, ours.offset) == (nine.levels, nine.offset)


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("n", [1, 30, 200])
def test_every_anchor_that_counts_is_tried(scale, n):
    """The anchors looked at, by how far they can be, give what all pairs give: positives, their objects, and IoU."""
    batch = replace(loose_objects(n, n, CLASSES), images=1)
    assigner = assigners.build("guidedanchoring", CLASSES)
    preds = loose_predictions(assigner.spec(), 1, CLASSES, seed=n)
    preds.branches["shape"].mul_(scale)
    ordered, _ = by_falling_area(batch)
    guided = preds.prior_boxes(torch.arange(preds.grid.size))
    table = iou(guided[:, None], ordered.boxes[None])  # (P, N)
    highest = (table == table.amax(0)) & (table > 0)
    positive = (table.amax(1) >= 0.5) | highest.any(1)
    last = n - 1 - highest.flip(1).byte().argmax(1)
    expected = torch.where(highest.any(1), last, table.argmax(1))
    matched = assigner._match_guided(preds.grid, ordered, preds)
    assert torch.equal(matched.positive, positive) and positive.any()
    assert torch.equal(matched.gt[positive], expected[positive])


def test_an_image_without_a_positive_counts_one_in_the_normaliser():
    batch = replace(one_object([20.0, 30.0, 60.0, 70.0]), images=3)
    assigner, preds = prepared(batch)
    a = assigner.assign(preds.grid, batch, preds)
    assert a.z_pos == a.z_neg == a.z_box == a.pos.sum() + 2
    far = replace(one_object([5000.0, 5000.0, 5010.0, 5010.0]), images=1)
    assigner, preds = prepared(far)
    a = assigner.assign(
        preds.grid, far, replace(preds, branches=preds.branches | {"shape": torch.zeros(preds.grid.size, 2)})
    )
    assert len(a.loc) == 0 and a.z_pos == 1  # it meets no anchor and claims none


def test_the_shape_learns_from_its_own_loss_alone():
    batch = to_objects(random_boxes(9, 20, 120))
    assigner, preds = prepared(batch)
    terms, _ = assigner(preds, batch)
    for name, term in terms.items():
        (gradient,) = torch.autograd.grad(term, preds.branches["shape"], allow_unused=True, retain_graph=True)
        assert (gradient is not None and bool(gradient.any())) == (name == "shape"), name


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"shape_negative_iou": 0.6}, "shape_negative_iou is 0.6 and shape_positive_iou 0.5. Give shape_negative_iou"),
        ({"center_ratio": 0.7}, "center_ratio is 0.7 and ignore_ratio 0.5"),
        ({"positives": 300}, "positives is 300 and samples 256"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, sentence):
    with pytest.raises(AssignerError, match=re.escape(sentence)):
        assigners.build("guidedanchoring", CLASSES, **settings)

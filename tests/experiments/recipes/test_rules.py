"""What fields of a recipe ask of each other."""

import pytest

from experiments.recipes.load import load
from experiments.recipes.recipe import rescaled
from experiments.runtime.errors import UserError

RULES = {
    "data.short=256": "data.short is 256 pixels; it must be at most data.long, 128.",
    "data.test_short=256": "data.test_short is 256 pixels; it must be at most data.test_long, 128.",
    "data.train_images=0": "data.train_images is 0; it must be 1 or more",
    "data.val_images=0": "data.val_images is 0; it must be 1 or more",
    "data.classes=[disc]": "data.classes is ['disc']; it must be []",
    "schedule.warmup=601": "schedule.warmup is 601; it must be at most schedule.iterations, 600.",
    "schedule.accumulate=3": "schedule.accumulate is 3; it must divide schedule.batch, 16 images.",
    "model.channels=30": "model.channels is 30; it must be a multiple of 4",
    "model.channels=144": "model.channels is 144; it must be a multiple of 4, above 128 one of 32",
    "model.width=0": "model.width is 0; it must be a number, above 0, at most 1",
    "test.flips=true": "test.flips does nothing without test.scales",
    "test.merge=selector": "test.merge does nothing without test.scales",
    "test.plus_one=true": "test.plus_one does nothing without test.scales or test.score_voting",
    "test.scales=[128, 16]": "test.scales is 16; it must be a whole number, 32 to 16384 (pixels)",
    "test.scales=[64, 200]": "test.scales has 200 pixels; it must be at most its cap in test.longs, 128.",
    "model.weights=imagenet": "give model.norm=frozen_bn, or model.weights=none.",
    "model.weights=imagenet_v2": "model.weights is imagenet_v2; it must be none, imagenet or a file",
    "model.weights=absent.pth": "model.weights is absent.pth; it must be none, imagenet or the path of a file",
    "model.weights=.": "there is no such file",
    "model.weights=''": "model.weights is ''; it must be a text, not empty",
    "model.weights=5": "model.weights is 5; it must be a text, not empty",
    "model.style=caffe": "model.style is caffe; it must be pytorch, for resnet18 has no bottlenecks",
    "model.dcn=c2-c5": "Unknown value of model.dcn 'c2-c5'. Did you mean 'c4-c5'?",
}


@pytest.mark.parametrize("override", RULES)
def test_a_broken_rule_names_both_fields(override):
    with pytest.raises(UserError) as caught:
        load("shapes", "fcos", [override], 0)
    assert RULES[override] in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.short=256", "data.long=256"],
        ["data.test_short=256", "data.test_long=256"],
        ["schedule.warmup=600"],
        ["schedule.accumulate=16"],
        ["model.channels=4"],
        ["model.channels=160"],
        ["model.weights=imagenet", "model.norm=frozen_bn"],
        ["model.weights=imagenet", "model.norm=frozen_bn", "model.width=1"],
        ["model.width=0.25"],
        ["model.dcn=c3-c5", "model.dcn_tower=true"],
        ["model.backbone=resnet50", "model.style=caffe"],
        ["model.backbone=resnet50", "model.weights=imagenet_v2", "model.norm=frozen_bn"],
    ],
)
def test_what_just_fits_is_taken(overrides):
    load("shapes", "fcos", overrides, 0)


NETWORKS = {
    "model.dcn is c4-c5; it must be none, for mobilenet_v2": ["model.backbone=mobilenet_v2", "model.dcn=c4-c5"],
    "model.dcn_tower is true; it must be false, for": ["model.dcn_tower=true", "model.tower_convs=0"],
    "model.style is caffe; it must be pytorch, for mobilenet_v2": ["model.backbone=mobilenet_v2", "model.style=caffe"],
    "model.style is caffe; torchvision's weights are not of that style: give model.style=pytorch": [
        "model.backbone=resnet50", "model.style=caffe", "model.weights=imagenet", "model.norm=frozen_bn",
    ],
    "it must be none, imagenet or a file, for torchvision has no such set of resnext101_64x4d": [
        "model.backbone=resnext101_64x4d", "model.weights=imagenet_v2", "model.norm=frozen_bn",
    ],
}  # fmt: skip


@pytest.mark.parametrize("sentence", NETWORKS)
def test_what_a_backbone_has_not_is_a_sentence(sentence):
    with pytest.raises(UserError) as caught:
        load("shapes", "fcos", NETWORKS[sentence], 0)
    assert sentence in str(caught.value)


def test_no_weights_are_published_for_a_narrow_backbone():
    with pytest.raises(UserError, match=r"model\.width is 0\.5; .* give model\.weights=none, or model\.width=1\."):
        load("bccd", "fcos", ["model.width=0.5"], 0)
    load("bccd", "fcos", ["model.width=0.5", "model.weights=none"], 0)


def test_settings_that_do_not_fit_each_other_are_refused_before_any_data_is_read():
    load("shapes", "retinanet", ["assigner.negative_iou=0.5"], 0)
    with pytest.raises(UserError, match=r"negative_iou is 0\.6 and positive_iou 0\.5"):
        load("shapes", "retinanet", ["assigner.negative_iou=0.6"], 0)


def warmup(dataset: str, *overrides: str) -> int:
    return load(dataset, "fcos", list(overrides), 0).schedule.warmup


def test_a_run_made_shorter_than_its_recipes_warmup_has_that_cut(tmp_path):
    """--set schedule.iterations=10 must run; a warm-up that was asked for beside it must not be changed."""
    assert warmup("voc") == 100
    assert warmup("voc", "schedule.iterations=10") == 10
    assert warmup("voc", "schedule.iterations=10", "schedule.warmup=3") == 3
    for order in (1, -1):
        with pytest.raises(UserError, match=r"at most schedule\.iterations, 10"):
            warmup("voc", *["schedule.iterations=10", "schedule.warmup=11"][::order])
    path = tmp_path / "own.yaml"
    path.write_text("like: voc\nschedule: {iterations: 20}\n")
    assert (warmup(str(path)), warmup(str(path), "schedule.iterations=5")) == (20, 5)
    path.write_text("like: voc\nschedule: {iterations: 20, warmup: 21}\n")
    with pytest.raises(UserError, match=r"at most schedule\.iterations, 20"):
        warmup(str(path))


def test_a_warmup_of_the_whole_run_is_said():
    assert rescaled(load("voc", "fcos", ["schedule.iterations=10"], 0)) == "The warm-up takes all of the 10 iterations."
    assert rescaled(load("voc", "fcos", [], 0)) == ""

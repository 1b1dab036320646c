"""What fields of a recipe ask of each other; what one field may be stands on the field itself."""

from __future__ import annotations

import os
from collections.abc import Iterator

from detector.backbone import BACKBONES
from detector.config import tower_groups
from detector.weights import NONE, SETS, is_file
from experiments.data.readers import reader
from experiments.recipes.recipe import Recipe, TestConfig
from experiments.runtime.errors import UserError


def check_rules(recipe: Recipe) -> None:
    """UserError for the first rule that is broken."""
    for rule in (_sizes, _images, _schedule, _weights, _network, _model, _views):
        for sentence in rule(recipe):
            raise UserError(sentence)


def _sizes(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    for names, (short, long) in {
        ("data.short", "data.long"): (max(data.short), data.long),
        ("data.test_short", "data.test_long"): data.at_test,
    }.items():
        if short > long:
            yield f"{names[0]} is {short} pixels; it must be at most {names[1]}, {long}."


def _images(recipe: Recipe) -> Iterator[str]:
    """What a synthetic dataset must be told, and what it has itself."""
    data = recipe.data
    if reader(data.reader).sources is None:
        if data.classes:
            yield f"data.classes is {list(data.classes)}; it must be [], for the reader {data.reader} draws its own."
        for name in ("train_images", "val_images"):
            if getattr(data, name) < 1:
                yield f"data.{name} is 0; it must be 1 or more, for the reader {data.reader} draws its images."


def _schedule(recipe: Recipe) -> Iterator[str]:
    s = recipe.schedule
    if s.warmup > s.iterations:
        yield f"schedule.warmup is {s.warmup}; it must be at most schedule.iterations, {s.iterations}."
    if s.batch % s.accumulate:
        yield f"schedule.accumulate is {s.accumulate}; it must divide schedule.batch, {s.batch} images."


OF_VIEWS = ("longs", "flips", "resample", "box_least", "box_most", "box_frame", "merge", "vote_iou")


def _views(recipe: Recipe) -> Iterator[str]:
    """Of the multi-scale test."""
    test, (_, long) = recipe.test, recipe.data.at_test
    scales, count = test.scales, len(test.scales)
    if not scales:
        idle = [name for name in OF_VIEWS if getattr(test, name) != getattr(TestConfig, name)]
        for name in idle:
            yield f"test.{name} does nothing without test.scales: give the shorter sides of the views, or leave it out."
    if test.plus_one and not (scales or test.score_voting):
        yield "test.plus_one does nothing without test.scales or test.score_voting: set one of them, or leave it out."
    for name in ("longs", "box_least", "box_most"):
        if len(values := getattr(test, name)) not in (0, 1, count):
            yield f"test.{name} has {len(values)} values; it must have one, or one for each of the {count} test.scales."
    for short, cap in zip(scales, _each(test.longs or (long,), count), strict=False):
        if short > cap:
            yield f"test.scales has {short} pixels; it must be at most its cap in test.longs, {cap}."
    for low, high in zip(_each(test.box_least, count), _each(test.box_most, count), strict=False):
        if high and low >= high:
            yield f"test.box_least has {low:g} pixels; it must be below test.box_most of the same view, {high:g}."


def _each(values: tuple, count: int) -> tuple:
    """One value for all is that of each."""
    return values * count if len(values) == 1 else values


def _model(recipe: Recipe) -> Iterator[str]:
    model = recipe.model
    if model.channels % tower_groups(model.channels):
        yield (
            f"model.channels is {model.channels}; it must be a multiple of 4, above 128 one of 32: "
            "the towers' GroupNorm cuts it into groups."
        )
    if model.weights in SETS and model.norm != "frozen_bn":
        yield (
            f"model.norm is {model.norm}; ImageNet weights were learned with batch norm: give model.norm=frozen_bn, "
            "or model.weights=none."
        )
    if model.weights in SETS and model.width < 1:
        yield (
            f"model.width is {model.width:g}; ImageNet weights are those of the full width: give model.weights=none, "
            "or model.width=1."
        )


def _network(recipe: Recipe) -> Iterator[str]:
    """What the backbone has and has not."""
    model, backbone = recipe.model, BACKBONES[recipe.model.backbone]
    if model.dcn not in backbone.dcn:
        yield (
            f"model.dcn is {model.dcn}; it must be none, for {model.backbone} has no stages of blocks with a plain "
            "3x3 convolution."
        )
    if model.dcn_tower and not model.tower_convs:
        yield "model.dcn_tower is true; it must be false, for towers of model.tower_convs=0 have no last convolution."
    if model.style not in backbone.styles:
        yield (
            f"model.style is {model.style}; it must be {', '.join(backbone.styles)}, for {model.backbone} has no "
            "bottlenecks, whose stride could stand in a 1x1 convolution."
        )
    if model.style == "caffe" and model.weights in SETS:
        yield (
            "model.style is caffe; torchvision's weights are not of that style: give model.style=pytorch, or "
            "model.weights=none or a file."
        )


def _weights(recipe: Recipe) -> Iterator[str]:
    weights, published = recipe.model.weights, BACKBONES[recipe.model.backbone].published
    if weights in SETS and weights not in published:
        yield (
            f"model.weights is {weights}; it must be {', '.join((NONE, *published))} or a file, for torchvision has no "
            f"such set of {recipe.model.backbone}."
        )
    if is_file(weights) and not os.path.isfile(weights):
        yield (
            f"model.weights is {weights}; it must be {', '.join((NONE, *published))} or the path of a file, and there "
            "is no such file."
        )

"""What fields of a recipe ask of each other; what one field may be stands on the field itself."""

from __future__ import annotations

from collections.abc import Iterator

from detector.config import tower_groups
from experiments.data.readers import reader
from experiments.recipes.recipe import Recipe
from experiments.runtime.errors import UserError


def check_rules(recipe: Recipe) -> None:
    """UserError for the first rule that is broken."""
    for rule in (_sizes, _images, _schedule, _model):
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


def _model(recipe: Recipe) -> Iterator[str]:
    model = recipe.model
    if model.channels % tower_groups(model.channels):
        yield (
            f"model.channels is {model.channels}; it must be a multiple of 4, above 128 one of 32: "
            "the towers' GroupNorm cuts it into groups."
        )
    if model.weights == "imagenet" and model.norm != "frozen_bn":
        yield (
            f"model.norm is {model.norm}; ImageNet weights were learned with batch norm: give model.norm=frozen_bn, "
            "or model.weights=none."
        )
    if model.weights == "imagenet" and model.width < 1:
        yield (
            f"model.width is {model.width:g}; ImageNet weights are those of the full width: give model.weights=none, "
            "or model.width=1."
        )

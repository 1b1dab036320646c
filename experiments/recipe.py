"""What a run is: frozen dataclasses, filled from a YAML file and `--set key=value`, hashed into a run folder's name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import yaml

import assigners
from experiments.config import build, convert, override, scalar, settings_of
from experiments.errors import UserError, unknown

TWINS = ("shapes-voc", "shapes-objects365", "shapes-widerface")  # drawn like `shapes`, on its recipe


@dataclass(frozen=True)
class DataRecipe:
    """Which images, and how they reach the device."""

    reader: Literal["shapes", "voc", "coco"]
    train: str  # split names of the reader; "auto": the reader's rule, see its file
    val: str
    short: int  # shorter side after resizing, pixels
    long: int  # cap of the longer side, pixels
    flip: float = 0.5  # probability of a horizontal flip
    classes: tuple[str, ...] = ()  # (): the reader's own list
    train_images: int = 0  # of `shapes`: how many images to draw
    val_images: int = 0
    workers: int = 2  # loader processes; 0 reads in the training process
    skip_bad_images: bool = False  # go on without images that do not decode, up to 1 %


@dataclass(frozen=True)
class ModelRecipe:
    """The shared detector."""

    backbone: Literal["resnet18", "resnet34", "resnet50", "resnet101", "mobilenet_v2"]
    weights: Literal["imagenet", "none"]
    norm: Literal["frozen_bn", "gn"]  # of the backbone
    frozen_stages: int  # 0: all train; 1: stem; 2: stem and first stage
    channels: int = 256  # of the pyramid and the towers
    tower_convs: int = 4
    mode: Literal["native", "controlled"] = "native"  # controlled: one head for all assigners


@dataclass(frozen=True)
class ScheduleRecipe:
    """Iterations are counted at 16 images a step; another batch rescales them and the learning rate."""

    iterations: int
    milestones: tuple[float, ...]  # fractions of the run at which lr drops tenfold; (): cosine to 0
    warmup: int  # iterations, linear from 0.001
    batch: int = 16  # images an optimiser step, all processes together
    accumulate: int = 1  # parts of a batch that go through the network one by one
    checkpoint_every: int = 1000
    bf16: bool = False


@dataclass(frozen=True)
class OptimizerRecipe:
    kind: Literal["sgd", "adamw"]
    lr: float  # per 16 images
    momentum: float = 0.9
    weight_decay: float = 1e-4  # not on norm layers and biases
    clip: float = 0.0  # gradient norm; 0: none


@dataclass(frozen=True)
class TestRecipe:
    """Limits of the post-processing."""

    score_threshold: float = 0.05
    per_level: int = 1000  # candidates before NMS
    detections: int = 100  # of an image
    batch: int = 16


@dataclass(frozen=True)
class Recipe:
    assigner: str
    dataset: str
    data: DataRecipe
    model: ModelRecipe
    schedule: ScheduleRecipe
    optimizer: OptimizerRecipe
    test: TestRecipe = field(default_factory=TestRecipe)
    settings: tuple[tuple[str, object], ...] = ()  # of the assigner, all of them, dotted names
    seed: int = 0


FOLDER = Path(__file__).parent / "recipes"
MOST, DEEPEST = 2**16, 9  # characters of a recipe, and values inside values
AT_LEAST_1 = (
    *("schedule.iterations", "schedule.batch", "schedule.accumulate", "schedule.checkpoint_every", "model.channels"),
    *("test.batch", "test.per_level", "test.detections", "data.short", "data.long"),
)
AT_LEAST_0 = ("schedule.warmup", "model.tower_convs", "model.frozen_stages", "data.workers")
LEAST = dict.fromkeys(AT_LEAST_1, 1) | dict.fromkeys(AT_LEAST_0, 0)
NO_EFFECT = {"data": ("workers",), "schedule": ("checkpoint_every",)}  # on any result, so not in the hash


def names() -> list[str]:
    """The data sets that have a recipe."""
    return sorted([*(path.stem for path in FOLDER.glob("*.yaml")), *TWINS])


def load(dataset: str, assigner: str, overrides: list[str], seed: int) -> Recipe:
    """The recipe of a data set (a name, or the path of a YAML file), with `key=value` overrides applied in order.

    Raises UserError for a name, key or value that does not fit.
    """
    path = (
        Path(dataset)
        if dataset.endswith((".yaml", ".yml"))
        else FOLDER / f"{'shapes' if dataset in TWINS else dataset}.yaml"
    )
    if path.parent == FOLDER and not path.is_file():
        raise unknown("data set", dataset, names())
    try:
        types = settings_of(assigners.get(assigner))
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None
    values = _read(path)
    if typed := [key for key in ("assigner", "dataset", "settings", "seed") if key in values]:
        raise UserError(f"{path} names {', '.join(typed)}: that is for the command line, not for a recipe.")
    recipe = build(Recipe, {"assigner": assigner, "dataset": path.stem, **values}, str(path.name))
    settings = {key: default for key, (_, default) in types.items()}
    recipe = replace(recipe, dataset=dataset if dataset in TWINS else path.stem, seed=seed)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set takes key=value, got '{text}'.")
        if key.startswith("assigner."):
            name = key.removeprefix("assigner.")
            if name not in types:
                raise unknown(f"setting of {assigner}", name, list(types))
            settings[name] = convert(key, scalar(value), types[name][0])
        else:
            recipe = override(recipe, key, scalar(value), key)
    _check_counts(recipe)
    return replace(recipe, settings=tuple(settings.items()))


def _check_counts(recipe: Recipe) -> None:
    """UserError for a count below the least that means anything."""
    for key, least in LEAST.items():
        group, name = key.split(".")
        if (value := getattr(getattr(recipe, group), name)) < least:
            raise UserError(f"{key} is {least} or more, got {value}.")


def _read(path: Path) -> dict:
    try:
        text = path.read_text()
        _check_size(text)
        values = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"Cannot read the recipe {path}: {error}.") from None
    if not isinstance(values, dict):
        raise UserError(f"The recipe {path} must be a list of keys and values.")
    return values


def _check_size(text: str) -> None:
    """ValueError for what YAML would take for ever to read."""
    if len(text) > MOST:
        raise ValueError(f"it has more than {MOST} characters")
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases, or values inside values inside values: write them out")


def as_dict(recipe: Recipe) -> dict:
    """For the record: plain values only."""
    return asdict(recipe) | {"settings": dict(recipe.settings)}


def plain(recipe: Recipe) -> dict:
    """As `as_dict`, with lists for tuples, as YAML and JSON have them."""
    return json.loads(json.dumps(as_dict(recipe)))


def from_dict(values: object, where: str) -> Recipe:
    """The recipe that `plain` wrote. Raises UserError, naming `where`."""
    values = dict(values) if isinstance(values, dict) else {}
    settings = values.pop("settings", {})
    return replace(build(Recipe, values, where), settings=tuple(dict(settings).items()))


def identity(recipe: Recipe) -> dict:
    """What a run's result depends on; its hash names the run folder."""
    values = as_dict(recipe) | {"assigner": assigners.version(recipe.assigner)}
    for group, keys in NO_EFFECT.items():
        values[group] = {k: v for k, v in values[group].items() if k not in keys}
    return values


def steps(schedule: ScheduleRecipe) -> int:
    """Optimiser steps: iterations are stated at 16 images."""
    return max(1, round(schedule.iterations * 16 / schedule.batch))


def rescaled(recipe: Recipe) -> str:
    """One line that says what another batch than 16 changes; empty at 16."""
    s, lr = recipe.schedule, recipe.optimizer.lr
    if s.batch == 16:
        return ""
    return (
        f"Batch {s.batch}: {s.iterations} iterations at 16 become {steps(s)}, lr {lr:g} becomes {lr * s.batch / 16:g}."
    )

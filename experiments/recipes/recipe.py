"""What a run is: frozen dataclasses, hashed into a run folder's name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Literal

import assigners
from detector.config import DetectorConfig
from experiments.data.config import DataConfig
from experiments.protocols.registry import PROTOCOLS
from experiments.recipes.typed import build_typed
from experiments.records.schema import effective
from experiments.runtime.errors import UserError

IMAGES = 16  # a step at which iterations and learning rates are stated


@dataclass(frozen=True)
class ScheduleConfig:
    """Iterations are counted at 16 images a step; another batch rescales them and the learning rate."""

    iterations: int
    milestones: tuple[float, ...]  # fractions of the run at which lr drops tenfold; (): cosine to 0
    warmup: int  # iterations, linear from 0.001
    batch: int = IMAGES  # images an optimiser step, all processes together
    accumulate: int = 1  # parts of a batch that go through the network one by one
    checkpoint_every: int = 1000
    evaluations: int = 1  # on the validation set, at equal distances; the last one at the end
    bf16: bool = False


@dataclass(frozen=True)
class OptimizerConfig:
    kind: Literal["sgd", "adamw"]
    lr: float  # per 16 images
    momentum: float = 0.9
    weight_decay: float = 1e-4  # not on norm layers and biases
    clip: float = 0.0  # gradient norm; 0: none


@dataclass(frozen=True)
class TestConfig:
    """Limits of the post-processing, and how its detections are scored."""

    score_threshold: float = 0.05
    per_level: int = 1000  # candidates before NMS
    detections: int = 100  # of an image
    batch: int = 16
    protocol: Annotated[str, PROTOCOLS] = "coco"
    evaluator: Literal["hotcoco", "pycocotools"] = "hotcoco"  # of coco and height; the same metrics to the last bit


@dataclass(frozen=True)
class Recipe:
    assigner: str
    dataset: str
    data: DataConfig
    model: DetectorConfig
    schedule: ScheduleConfig
    optimizer: OptimizerConfig
    test: TestConfig = field(default_factory=TestConfig)
    settings: tuple[tuple[str, object], ...] = ()  # of the assigner, all of them, dotted names
    seed: int = 0


AT_LEAST_1 = (
    *("schedule.iterations", "schedule.batch", "schedule.accumulate", "schedule.checkpoint_every"),
    *("schedule.evaluations", "model.channels", "test.batch", "test.per_level", "test.detections"),
    *("data.short", "data.long"),
)
AT_LEAST_0 = ("schedule.warmup", "model.tower_convs", "model.frozen_stages", "data.workers")
LEAST = dict.fromkeys(AT_LEAST_1, 1) | dict.fromkeys(AT_LEAST_0, 0)


def check_counts(recipe: Recipe) -> None:
    """UserError for a count below the least that means anything."""
    for key, least in LEAST.items():
        group, name = key.split(".")
        value = getattr(getattr(recipe, group), name)
        if min(value if isinstance(value, tuple) else (value,), default=least - 1) < least:
            raise UserError(f"{key} is {least} or more, got {value}.")


def as_dict(recipe: Recipe) -> dict:
    """For the record: plain values only."""
    return asdict(recipe) | {"settings": dict(recipe.settings)}


def plain(recipe: Recipe) -> dict:
    """As `as_dict`, as YAML and JSON have it."""
    return as_read(as_dict(recipe))


def as_read(values: dict) -> dict:
    """As JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(values))


def from_dict(values: object, where: str) -> Recipe:
    """The recipe that `plain` wrote. Raises UserError, naming `where`."""
    values = dict(values) if isinstance(values, dict) else {}
    settings = values.pop("settings", {})
    return replace(build_typed(Recipe, values, where), settings=tuple(dict(settings).items()))


def identity(recipe: Recipe) -> dict:
    """What a run's result depends on; its hash names the run folder."""
    values = as_dict(recipe) | {"assigner": assigners.version(recipe.assigner)}
    return {key: effective(key, value) if isinstance(value, dict) else value for key, value in values.items()}


def steps(schedule: ScheduleConfig) -> int:
    """Optimiser steps: iterations are stated at 16 images."""
    return max(1, round(schedule.iterations * IMAGES / schedule.batch))


def rescaled(recipe: Recipe) -> str:
    """One line that says what another batch than 16 changes; empty at 16."""
    s, lr = recipe.schedule, recipe.optimizer.lr
    if s.batch == IMAGES:
        return ""
    return (
        f"Batch {s.batch}: {s.iterations} iterations at {IMAGES} become {steps(s)}, "
        f"lr {lr:g} becomes {lr * s.batch / IMAGES:g}."
    )

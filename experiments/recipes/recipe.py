"""What a run is: frozen dataclasses, hashed into a run folder's name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Annotated, Literal

import assigners
from assigners.ranges import SEED, Items, Range
from detector.config import DetectorConfig
from detector.controlled import head_spec
from detector.voting import MERGES
from detector.weights import is_file
from experiments.data.config import DataConfig, Side
from experiments.protocols.registry import PROTOCOLS
from experiments.recipes.typed import build_typed
from experiments.records.files import file_digest
from experiments.records.schema import effective
from experiments.runtime.errors import UserError

IMAGES = 16  # a step at which iterations and learning rates are stated
VIEWS = Items(most=64)  # of a multi-scale test
ViewSides = Annotated[tuple[Side, ...], VIEWS]
BoxSides = Annotated[tuple[Annotated[float, Range(0, 10**6, "pixels")], ...], VIEWS]
Milestones = Annotated[tuple[Annotated[float, Range(0, 1, "share of the run", "()")], ...], Items(rising=True)]


@dataclass(frozen=True)
class ScheduleConfig:
    """Iterations are counted at 16 images a step; another batch rescales them and the learning rate."""

    iterations: Annotated[int, Range(1, 10**8, "iterations")]  # length of the run
    milestones: Milestones  # where lr drops tenfold; (): cosine to 0
    warmup: Annotated[int, Range(0, 10**8, "iterations")]  # linear from 0.001
    batch: Annotated[int, Range(1, 65536, "images")] = IMAGES  # of an optimiser step, all processes together
    accumulate: Annotated[int, Range(1, 65536, "parts")] = 1  # of a batch, that go through the network one by one
    checkpoint_every: Annotated[int, Range(1, 10**8, "steps")] = 1000  # between two checkpoints
    evaluations: Annotated[int, Range(1, 10000, "evaluations")] = 1  # at equal distances; the last one at the end
    bf16: bool = False  # autocast of the network; assignment and loss stay in float32
    average: Annotated[float, Range(0, 1, "share kept", "[)")] = 0.0  # of averaged weights, a step; 0: none


@dataclass(frozen=True)
class OptimizerConfig:
    kind: Literal["sgd", "adamw"]  # of torch.optim
    lr: Annotated[float, Range(0, inf, "per 16 images", "()")]  # learning rate; another batch rescales it
    momentum: Annotated[float, Range(0, 1, "share kept", "[)")] = 0.9  # of sgd
    weight_decay: Annotated[float, Range(0, 1, "of the weights")] = 1e-4  # not on norm layers and biases
    clip: Annotated[float, Range(0, inf, "gradient norm")] = 0.0  # 0: none
    priors_lr_factor: Annotated[float, Range(0, inf, "factor of lr")] = 1.0  # of the priors that an assigner learns


@dataclass(frozen=True)
class TestConfig:
    """Limits of the post-processing, and how its detections are scored."""

    score_threshold: Annotated[float, Range(0, 1, "score", "[)")] = 0.05  # detections score more
    per_level: Annotated[int, Range(1, 10**6, "candidates")] = 1000  # before NMS
    detections: Annotated[int, Range(1, 10**6, "detections")] = 100  # of an image
    batch: Annotated[int, Range(1, 65536, "images")] = 16  # of an evaluation step; memory, not results
    protocol: Annotated[str, PROTOCOLS] = "coco"  # how AP is computed
    evaluator: Literal["hotcoco", "pycocotools"] = "hotcoco"  # of coco and height; the same metrics to the last bit
    scales: ViewSides = ()  # shorter sides of the views of a multi-scale test; (): one view, data.test_short
    longs: ViewSides = ()  # caps of their longer sides, one each or one for all; (): data.test_long
    flips: bool = False  # each view flipped, too
    resample: Literal["image", "normal view"] = "image"  # what views are resized from; FreeAnchor: its test_short
    box_least: BoxSides = ()  # a box of the view has a larger root of its area, one each; (): none is measured
    box_most: BoxSides = ()  # and a smaller one than this; 0: whatever
    box_frame: Literal["resized", "original"] = "resized"  # image in which boxes are measured: ATSS's, cvpods' code
    merge: Annotated[str, MERGES] = "soft_vote"  # of views: a vote of their detections, or one selection (FreeAnchor)
    vote_iou: Annotated[float, Range(0, 1, "IoU", "(]")] = 0.66  # of boxes that join in a vote; ATSS
    score_voting: bool = False  # boxes are means over those before NMS, by score and IoU; PAA
    plus_one: bool = False  # sides in votes and of box_least count the last pixel, as in ATSS's and PAA's code


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
    seed: Annotated[int, SEED] = 0  # of data order, augmentation and initial weights


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
    values = {key: effective(key, value) if isinstance(value, dict) else value for key, value in values.items()}
    return values | {"model": values["model"] | weights_identity(recipe) | _head(recipe)}


def weights_identity(recipe: Recipe) -> dict[str, str]:
    """Of the model group: the content of a file of weights in the place of its path; {} of a word. Raises UserError."""
    if not is_file(recipe.model.weights):
        return {}
    try:
        return {"weights": file_digest(Path(recipe.model.weights))}
    except OSError as error:
        raise UserError(f"model.weights is {recipe.model.weights}: {error.strerror}.") from None


def _head(recipe: Recipe) -> dict:
    """The style that controlled mode gives; one that is the method's own is its native run."""
    native = {"mode": "native"}
    if recipe.model.mode == "native":
        return native
    assigner = assigners.build(recipe.assigner, 1, recipe.model.channels, **dict(recipe.settings))
    style = head_spec(assigner, recipe.model).style
    return native if style == assigner.spec().style else {"style": asdict(style)}


def steps(schedule: ScheduleConfig) -> int:
    """Optimiser steps: iterations are stated at 16 images."""
    return max(1, round(schedule.iterations * IMAGES / schedule.batch))


def rescaled(recipe: Recipe) -> str:
    """One line that says what another batch than 16, or a run no longer than its warm-up, changes; else empty."""
    s, lr = recipe.schedule, recipe.optimizer.lr
    warmup = f"The warm-up takes all of the {s.iterations} iterations." if s.warmup == s.iterations else ""
    if s.batch == IMAGES:
        return warmup
    batch = (
        f"Batch {s.batch}: {s.iterations} iterations at {IMAGES} become {steps(s)}, "
        f"lr {lr:g} becomes {lr * s.batch / IMAGES:g}."
    )
    return f"{batch} {warmup}".rstrip()

"""What a run is: frozen dataclasses, filled from a YAML file and `--set key=value`, hashed into a run folder's name."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import assigners
from detector.config import DetectorConfig
from experiments.recipes.typed import build, convert, override, read_yaml, scalar, settings_of
from experiments.records.run_folder import NO_EFFECT
from experiments.runtime.errors import UserError, unknown

TWINS = ("shapes-voc", "shapes-objects365", "shapes-widerface")  # drawn like `shapes`, on its recipe


@dataclass(frozen=True)
class DataRecipe:
    """Which images, and how they reach the device."""

    reader: Literal["shapes", "voc", "coco", "objects365", "widerface"]
    train: str  # split names of the reader; "auto": the reader's rule, see its file
    val: str
    short: tuple[int, ...]  # shorter side after resizing, pixels; of several, each training image draws one
    long: int  # cap of the longer side, pixels
    test_short: int = 0  # pixels; 0: the largest of `short`
    test_long: int = 0  # pixels; 0: as `long`
    flip: float = 0.5  # probability of a horizontal flip
    crop: float = 0.0  # least share of each side that a random crop around an object keeps; 0: no crop
    jitter: float = 0.0  # brightness, contrast and saturation are multiplied by 1 - jitter to 1 + jitter
    classes: tuple[str, ...] = ()  # (): the reader's own list
    root: str = ""  # folder of the files, where --data-root does not say; from the folder of the recipe file
    train_images: int = 0  # of `shapes`: how many images to draw
    val_images: int = 0
    workers: int = 2  # loader processes; 0 reads in the training process
    skip_bad_images: bool = False  # go on without images that do not decode, up to 1 %

    @property
    def at_test(self) -> tuple[int, int]:
        """Shorter side and cap of the longer side in evaluation, pixels."""
        return self.test_short or max(self.short), self.test_long or self.long


@dataclass(frozen=True)
class ScheduleRecipe:
    """Iterations are counted at 16 images a step; another batch rescales them and the learning rate."""

    iterations: int
    milestones: tuple[float, ...]  # fractions of the run at which lr drops tenfold; (): cosine to 0
    warmup: int  # iterations, linear from 0.001
    batch: int = 16  # images an optimiser step, all processes together
    accumulate: int = 1  # parts of a batch that go through the network one by one
    checkpoint_every: int = 1000
    evaluations: int = 1  # on the validation set, at equal distances; the last one at the end
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
    """Limits of the post-processing, and how its detections are scored."""

    score_threshold: float = 0.05
    per_level: int = 1000  # candidates before NMS
    detections: int = 100  # of an image
    batch: int = 16
    protocol: Literal["coco", "voc07", "voc10", "height", "official"] = "coco"
    evaluator: Literal["hotcoco", "pycocotools"] = "hotcoco"  # of coco and height; the same figures to the last bit


@dataclass(frozen=True)
class Recipe:
    assigner: str
    dataset: str
    data: DataRecipe
    model: DetectorConfig
    schedule: ScheduleRecipe
    optimizer: OptimizerRecipe
    test: TestRecipe = field(default_factory=TestRecipe)
    settings: tuple[tuple[str, object], ...] = ()  # of the assigner, all of them, dotted names
    seed: int = 0


FOLDER = Path(__file__).parent
AT_LEAST_1 = (
    *(
        "schedule.iterations",
        "schedule.batch",
        "schedule.accumulate",
        "schedule.checkpoint_every",
        "schedule.evaluations",
    ),
    *("model.channels", "test.batch", "test.per_level", "test.detections", "data.short", "data.long"),
)
AT_LEAST_0 = ("schedule.warmup", "model.tower_convs", "model.frozen_stages", "data.workers")
LEAST = dict.fromkeys(AT_LEAST_1, 1) | dict.fromkeys(AT_LEAST_0, 0)


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
    name = dataset if dataset in TWINS else path.stem
    recipe = build(Recipe, {"assigner": assigner, "dataset": name, **values}, str(path.name))
    settings = {key: default for key, (_, default) in types.items()}
    recipe = replace(recipe, seed=seed)
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
        value = getattr(getattr(recipe, group), name)
        if min(value if isinstance(value, tuple) else (value,), default=least - 1) < least:
            raise UserError(f"{key} is {least} or more, got {value}.")


def _read(path: Path) -> dict:
    """The file's values over those of the recipe that it names as `like`; data.root starts from the file's folder."""
    values = read_yaml(path)
    like = values.pop("like", None)
    data = values.get("data")
    if isinstance(data, dict) and isinstance(data.get("root"), str):
        values["data"] = data | {"root": str(path.parent / data["root"])}
    if like is None:
        return values
    if like not in names() or like == path.stem:
        raise unknown(f"recipe in {path}, like:", str(like), names())
    return _over(_read(FOLDER / f"{'shapes' if like in TWINS else like}.yaml"), values)


def _over(base: dict, values: dict) -> dict:
    """`values` in place of those of `base`, group by group."""
    groups = {k: base[k] | v for k, v in values.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return base | values | groups


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

"""A cell of the experiment: a recipe on data that was found, and everything it builds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

import assigners
from assigners.assigner import Assigner
from assigners.interface import HeadSpec
from detector.detector import Detector, head_spec
from detector.streams import global_stream
from experiments.data import datasets
from experiments.data.index import Index
from experiments.recipes.recipe import Recipe, identity
from experiments.records.run_folder import hash_of
from experiments.runtime.errors import UserError

REFERENCE = "fcos"  # the method that `--explain` compares with


@dataclass(frozen=True)
class Cell:
    """Recipe with resolved splits, and the two sets it names."""

    recipe: Recipe
    train: Index
    val: Index

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits: the run folder's name."""
        return run_id(self.recipe, [self.train.digest(), self.val.digest()])


def run_id(recipe: Recipe, digests: list[str]) -> str:
    """Of a recipe with resolved splits, on data of these digests."""
    return hash_of({"recipe": identity(recipe), "data": digests})


def find(recipe: Recipe, root: Path | None) -> Cell:
    """Reads the annotations. Raises UserError where data is missing or broken."""
    d = recipe.data
    splits = {name: datasets.resolve(d, recipe.dataset, root, getattr(d, name)) for name in ("train", "val")}
    recipe = replace(recipe, data=replace(d, **splits))
    train, val = (datasets.load(recipe.data, recipe.dataset, root, split) for split in splits.values())
    if len(train) < recipe.schedule.batch:
        raise UserError(
            f"{len(train)} training images do not fill a batch of {recipe.schedule.batch}: lower schedule.batch."
        )
    return Cell(recipe, train, val)


def detector(recipe: Recipe, classes: int) -> Detector:
    """The model, initialised from the recipe's seed. Raises UserError where the weights cannot be had."""
    try:
        with global_stream(recipe.seed, "Assigner"):
            assigner = _assigner(recipe, classes)
        return Detector(recipe.model, assigner, recipe.seed)
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(
            f"No ImageNet weights of {recipe.model.backbone}: {error}. Put torchvision's file into "
            f"{torch.hub.get_dir()}/checkpoints, point TORCH_HOME to a cache, or --set model.weights=none."
        ) from None


def _assigner(recipe: Recipe, classes: int) -> Assigner:
    return assigners.build(recipe.assigner, classes, recipe.model.channels, **dict(recipe.settings))


def differences(recipe: Recipe) -> dict[str, tuple[object, object]]:
    """What differs from the reference: field of the head -> (its value, the value here)."""
    reference = replace(recipe, assigner=REFERENCE, settings=())
    theirs, ours = (_flat(head_spec(_assigner(r, 1), r.model.mode)) for r in (reference, recipe))
    return {name: (theirs[name], ours[name]) for name in ours if ours[name] != theirs[name]}


def _flat(spec: HeadSpec) -> dict[str, object]:
    """Fields of a head and of its style by name, as plain values; branches by their names."""
    values = asdict(spec)
    style = values.pop("style")
    names = [f"{b.name} (implicit)" if b.implicit else b.name for b in spec.branches]
    return values | style | {"branches": ", ".join(names) or "none"}

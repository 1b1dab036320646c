"""A recipe on data that was read: all that a run depends on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from experiments.data.classes import match_classes
from experiments.data.datasets import load_index, resolve_split
from experiments.data.held_out import split_off
from experiments.data.index import Index
from experiments.recipes.recipe import Recipe, identity
from experiments.records.files import hash_of
from experiments.runtime.errors import UserError


@dataclass(frozen=True)
class RunSpec:
    """Recipe with resolved splits, and the two datasets it names; their classes are the same."""

    recipe: Recipe
    train: Index
    val: Index  # not cleaned: scored as the protocol's official tool would
    note: str = ""  # what was done to match their classes, "": nothing

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits: the run folder's name."""
        return run_id(self.recipe, [self.train.digest(), self.val.digest()])


def run_id(recipe: Recipe, digests: list[str]) -> str:
    """Of a recipe with resolved splits, on data of these digests."""
    return hash_of({"recipe": identity(recipe), "data": digests})


def find(recipe: Recipe, root: Path | None) -> RunSpec:
    """Reads the annotations. Raises UserError where data is missing or broken."""
    d = recipe.data
    split_names = {"train": d.train, "val": d.train if d.held_out else d.val}
    splits = {name: resolve_split(d, recipe.dataset, root, split) for name, split in split_names.items()}
    recipe = replace(recipe, data=replace(d, **splits))
    train, evaluated = (load_index(recipe.data, recipe.dataset, root, splits[name], name == "train") for name in splits)
    if d.held_out:
        train, evaluated = split_off(train, evaluated, d.held_out)
    val, note = match_classes(train, evaluated)
    if len(train) < recipe.schedule.batch:
        raise UserError(
            f"{len(train)} training images do not fill a batch of {recipe.schedule.batch}: lower schedule.batch."
        )
    return RunSpec(recipe, train, val, note)

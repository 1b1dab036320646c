"""From tables to cells: every row, data set and seed becomes a recipe with its run id, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from experiments.grid.matrix import Matrix, Profile, Row
from experiments.recipes import recipe as recipes
from experiments.recipes.recipe import Recipe
from experiments.runtime.errors import UserError
from experiments.training.run_spec import Cell, find, run_id


@dataclass(frozen=True)
class Spot:
    """One run in one place of one table. Several spots may share a run."""

    table: int
    row: Row
    key: str  # of the cell within the row
    dataset: str  # the recipe here; "" where the profile has none
    stands_for: str  # the paper's
    seed: int
    reason: str  # why there is no run
    id: str = ""
    recipe: Recipe | None = None  # with resolved splits
    root: Path | None = None
    images: int = 0  # of the test set
    classes: int = 0


@dataclass
class Finder:
    """Reads each data set once, however many recipes ask for it."""

    root: Path | None
    found: dict = field(default_factory=dict)

    def place(self, dataset: str) -> Path | None:
        """The data set's own folder below the root, by its name (coco-2x lies in coco); else the root itself."""
        names = (dataset, dataset.partition("-")[0])
        own = [self.root / name for name in names if (self.root / name).is_dir()] if self.root else []
        return own[0] if own else self.root

    def cell(self, recipe: Recipe) -> tuple[Cell, list[str]]:
        """The cell and the digests of its two sets. Raises UserError."""
        key = (recipe.dataset, recipe.data)
        if key not in self.found:
            self.found[key] = self._read(recipe)
        base, digests = self.found[key]
        if isinstance(base, UserError):
            raise base
        return replace(base, recipe=replace(recipe, data=base.recipe.data)), digests

    def _read(self, recipe: Recipe) -> tuple[Cell | UserError, list[str]]:
        try:
            cell = find(recipe, self.place(recipe.dataset))
        except UserError as error:
            return error, []
        return cell, [cell.train.digest(), cell.val.digest()]


def spots(matrix: Matrix, profile: Profile, seeds: list[int], typed: list[str], finder: Finder) -> list[Spot]:
    """All of a table, in its order. `typed`: --set of the command line, which wins.

    Raises UserError for a `typed` that does not fit; what else hinders a cell becomes its reason.
    """
    return [
        _spot(Spot(matrix.table, row, key, profile.datasets.get(paper, ""), paper, seed, row.reason), *rest)
        for row in matrix.rows
        for key, paper in matrix.datasets.items()
        for seed in seeds
        for rest in [(profile, typed, finder)]
    ]


def _spot(spot: Spot, profile: Profile, typed: list[str], finder: Finder) -> Spot:
    if spot.reason:
        return spot
    if not spot.dataset:
        return replace(spot, reason=f"the profile {profile.name} has nothing for {spot.stands_for}")
    given = [*spot.row.set, *profile.set]
    try:
        recipes.load(spot.dataset, spot.row.method, given, spot.seed)
    except UserError as error:
        return replace(spot, reason=str(error))
    recipe = recipes.load(spot.dataset, spot.row.method, [*given, *typed], spot.seed)
    try:
        cell, digests = finder.cell(recipe)
    except UserError as error:
        return replace(spot, reason=str(error), recipe=recipe)
    return replace(
        spot,
        id=run_id(cell.recipe, digests),
        recipe=cell.recipe,
        root=finder.place(spot.dataset),
        images=len(cell.val),
        classes=len(cell.train.classes),
    )

"""From tables to runs: every row, dataset and seed becomes a recipe with its run id, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from experiments.data.datasets import on_disk
from experiments.data.roots import data_folder
from experiments.grid.matrices import Matrix, MatrixRow, Profile
from experiments.recipes.load import checked_seed, load, overridden
from experiments.recipes.recipe import Recipe
from experiments.runtime.errors import UserError
from experiments.training.run_spec import RunSpec, find, run_id


@dataclass(frozen=True)
class TableEntry:
    """One run in one row of one table. Several entries may share a run."""

    table: int  # 0: of a search
    row: MatrixRow
    key: str  # of the dataset within the row
    dataset: str  # the recipe here; "" where the profile has none
    stands_for: str  # the paper's
    seed: int
    reason: str  # why there is no run
    id: str = ""
    recipe: Recipe | None = None  # with resolved splits
    root: Path | None = None
    images: int = 0  # of the validation set
    classes: int = 0

    @property
    def label(self) -> str:
        """For a person."""
        return f"{f'table {self.table}, ' * bool(self.table)}{self.row.name}, {self.dataset}, seed {self.seed}"


@dataclass
class DatasetFinder:
    """Reads each dataset once, however many recipes ask for it."""

    root: Path | None
    cache: dict = field(default_factory=dict)

    def folder(self, recipe: Recipe) -> Path | None:
        """The dataset's own folder below the root, by its name (coco-2x is in coco); else the root itself.

        Without a root the folder that run.py takes, absolute: a node looks for it from another one.
        """
        if self.root is None:
            has_root = recipe.data.root or not on_disk(recipe.data)
            folder = None if has_root else data_folder(recipe.data, recipe.dataset, None)
            return folder and folder.absolute()
        names = (recipe.dataset, recipe.dataset.partition("-")[0])
        return next((self.root / name for name in names if (self.root / name).is_dir()), self.root)

    def spec(self, recipe: Recipe) -> tuple[RunSpec, list[str]]:
        """The run and the digests of its two datasets. Raises UserError."""
        key = (recipe.dataset, recipe.data)
        if key not in self.cache:
            self.cache[key] = self._read(recipe)
        base, digests = self.cache[key]
        if isinstance(base, UserError):
            raise base
        return replace(base, recipe=replace(recipe, data=base.recipe.data)), digests

    def _read(self, recipe: Recipe) -> tuple[RunSpec | UserError, list[str]]:
        try:
            spec = find(recipe, self.folder(recipe))
        except UserError as error:
            return error, []
        return spec, [spec.train.digest(), spec.val.digest()]


def entries_of(
    matrix: Matrix, profile: Profile, seeds: list[int], overrides: list[str], finder: DatasetFinder
) -> Iterator[TableEntry]:
    """All of a table, in its order. `overrides`: --set of the command line, which wins.

    Raises UserError for an override that does not fit; what else hinders a run becomes its reason.
    """
    _check_seeds(profile, seeds)
    for row in matrix.rows:
        for key, paper in matrix.datasets.items():
            here = profile.datasets.get(paper, "")
            reason = row.reason or ("" if here else f"the profile {profile.name} has nothing for {paper}")
            reason = reason or _unsearched(row, matrix, profile)
            entry = TableEntry(matrix.table, row, key, here, paper, seeds[0], reason)
            words = [*row.set, *profile.set, *own_settings(row, matrix, profile, overrides), *row.stand_ins]
            first = _resolved(entry, words, overrides, finder)
            yield from (_of_seed(first, seed, finder) for seed in seeds)


def _of_seed(entry: TableEntry, seed: int, finder: DatasetFinder) -> TableEntry:
    """The same entry of another seed; a recipe is read and checked once for all of them."""
    if entry.recipe is None:
        return replace(entry, seed=seed)
    recipe = replace(entry.recipe, seed=checked_seed(seed))
    name = run_id(recipe, finder.spec(recipe)[1]) if entry.id else ""
    return replace(entry, seed=seed, recipe=recipe, id=name)


def own_settings(row: MatrixRow, matrix: Matrix, profile: Profile, overrides: Iterable[str] = ()) -> tuple[str, ...]:
    """That the profile's search chose for the row's method, but for what --set says of them."""
    searched = profile.methods.get(row.method, ()) if matrix.tuned else ()
    given = {key for key, _, _ in (word.partition("=") for word in overrides)}
    return tuple(word for word in searched if word.partition("=")[0] not in given)


def _unsearched(row: MatrixRow, matrix: Matrix, profile: Profile) -> str:
    """Why a row has no run beside others whose settings were searched; "" where it has one."""
    if not (matrix.tuned and profile.methods) or row.method in profile.methods:
        return ""
    return f"run.py --tune --profile {profile.name} has not searched {row.method} yet"


def _check_seeds(profile: Profile, seeds: Iterable[int]) -> None:
    """UserError for a seed on which settings were chosen."""
    if taken := set(seeds) & set(profile.search.seeds if profile.search else ()):
        raise UserError(f"Seed {min(taken)} is one of the search of profile {profile.name}. Take others for tables.")


def _resolved(entry: TableEntry, words: list[str], overrides: list[str], finder: DatasetFinder) -> TableEntry:
    """With its recipe and run, or with the reason why there is none. words: key=value of row and profile."""
    if entry.reason:
        return entry
    try:
        recipe = load(entry.dataset, entry.row.method, words, entry.seed)
    except UserError as error:
        return replace(entry, reason=str(error))
    recipe = overridden(recipe, overrides)
    try:
        spec, digests = finder.spec(recipe)
    except UserError as error:
        return replace(entry, reason=str(error), recipe=recipe)
    return replace(
        entry,
        id=run_id(spec.recipe, digests),
        recipe=spec.recipe,
        root=finder.folder(spec.recipe),
        images=len(spec.val),
        classes=len(spec.train.classes),
    )

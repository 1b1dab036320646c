"""A recipe from a YAML file and `--set key=value`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import assigners
from experiments.recipes.names import FOLDER, TWINS, dataset_name, dataset_names, recipe_file
from experiments.recipes.recipe import Recipe, check_counts
from experiments.recipes.typed import build_typed, convert, override, read_yaml, scalar, settings_of
from experiments.runtime.errors import UserError, unknown

OF_THE_COMMAND = ("assigner", "dataset", "settings", "seed")  # not for a file


def load(dataset: str, assigner: str, overrides: list[str], seed: int) -> Recipe:
    """The recipe of a dataset (a name, or the path of a YAML file), with `key=value` overrides applied in order.

    Raises UserError for a name, key or value that does not fit.
    """
    path = recipe_file(dataset)
    defaults = tuple((key, default) for key, (_, default) in _settings(assigner).items())
    values = _read(path)
    if misplaced := [key for key in OF_THE_COMMAND if key in values]:
        raise UserError(f"{path} names {', '.join(misplaced)}: that is for the command line, not for a recipe.")
    recipe = build_typed(Recipe, {"assigner": assigner, "dataset": dataset_name(dataset), **values}, path.name)
    return overridden(replace(recipe, seed=seed, settings=defaults), overrides)


def overridden(recipe: Recipe, overrides: list[str]) -> Recipe:
    """With `key=value` applied in order; `assigner.key` is a setting of the method. Raises UserError."""
    settings = dict(recipe.settings)
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set takes key=value, got '{text}'.")
        if key.startswith("assigner."):
            name = key.removeprefix("assigner.")
            if name not in settings:
                raise unknown(f"setting of {recipe.assigner}", name, list(settings))
            settings[name] = convert(key, scalar(value), _settings(recipe.assigner)[name][0])
        else:
            recipe = override(recipe, key, scalar(value), key)
    check_counts(recipe)
    return replace(recipe, settings=tuple(settings.items()))


def _settings(assigner: str) -> dict[str, tuple]:
    """Dotted name -> (type, default). Raises UserError."""
    try:
        return settings_of(assigners.get(assigner))
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None


def _read(path: Path) -> dict:
    """The file's values over those of the recipe that it names as `like`; data.root starts from the file's folder.

    data.exif is not taken over: what a public dataset's own tools do says nothing about other data.
    """
    values = read_yaml(path)
    like = values.pop("like", None)
    data = values.get("data")
    if isinstance(data, dict) and isinstance(data.get("root"), str):
        values["data"] = data | {"root": str(path.parent / data["root"])}
    if like is None:
        return values
    if like not in dataset_names() or like == path.stem:
        raise unknown(f"recipe in {path}, like:", str(like), dataset_names())
    base = _read(FOLDER / f"{'shapes' if like in TWINS else like}.yaml")
    base["data"].pop("exif", None)
    return _over(base, values)


def _over(base: dict, values: dict) -> dict:
    """`values` in place of those of `base`, group by group."""
    groups = {k: base[k] | v for k, v in values.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return base | values | groups

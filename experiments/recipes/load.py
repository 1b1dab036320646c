"""A recipe from a YAML file and `--set key=value`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import assigners
from detector.weights import is_file
from experiments.recipes.names import FOLDER, TWINS, dataset_name, dataset_names, recipe_file
from experiments.recipes.recipe import Recipe
from experiments.recipes.rules import check_rules
from experiments.recipes.settings import Setting, settings_of
from experiments.recipes.typed import build_typed, convert, override
from experiments.recipes.yaml_text import read_yaml, scalar
from experiments.runtime.errors import UserError, unknown

OF_THE_COMMAND = {  # fields that are not for a file or --set -> what sets them
    "assigner": "--assigner NAME",
    "dataset": "--dataset NAME",
    "settings": "--set assigner.NAME=VALUE, one by one",
    "seed": "--seed N",
}


def load(dataset: str, assigner: str, overrides: list[str], seed: int) -> Recipe:
    """The recipe of a dataset (a name, or the path of a YAML file), with `key=value` overrides applied in order.

    Raises UserError for a name, key or value that does not fit.
    """
    path = recipe_file(dataset)
    defaults = tuple((key, setting.default) for key, setting in _settings(assigner).items())
    in_file = read_yaml(path)
    values = _resolved(in_file, path)
    if misplaced := [key for key in OF_THE_COMMAND if key in values]:
        raise UserError(f"{path} names {', '.join(misplaced)}: that is for the command line, not for a recipe.")
    recipe = build_typed(Recipe, {"assigner": assigner, "dataset": dataset_name(dataset), **values}, path.name)
    recipe = _shortened(recipe, {f"schedule.{key}" for key in in_file.get("schedule", ())})
    return overridden(replace(recipe, seed=checked_seed(seed), settings=defaults), overrides)


def checked_seed(seed: int) -> int:
    """The seed itself. Raises UserError for one that is out of range."""
    return convert("seed", seed, settings_of(Recipe)["seed"].kind)


def overridden(recipe: Recipe, overrides: list[str]) -> Recipe:
    """With `key=value` applied in order; `assigner.key` is a setting of the method. Raises UserError."""
    settings, types, changed = dict(recipe.settings), _settings(recipe.assigner), set()
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--set takes key=value, got '{text}'.")
        changed.add(key)
        if key.startswith("assigner."):
            name = key.removeprefix("assigner.")
            if name not in settings:
                raise unknown(f"setting of {recipe.assigner}", name, list(settings))
            settings[name] = convert(key, scalar(value), types[name].kind)
        elif (group := key.partition(".")[0]) in OF_THE_COMMAND:
            raise UserError(f"--set {key} is not for --set: it is set with {OF_THE_COMMAND[group]}.")
        else:
            recipe = override(recipe, key, scalar(value), key)
    recipe = _shortened(replace(recipe, settings=tuple(settings.items())), changed)
    check_rules(recipe)
    recipe = _located(recipe)
    _check_settings(recipe)
    return recipe


def _shortened(recipe: Recipe, changed: set[str]) -> Recipe:
    """With a warm-up that came with another length of the run cut to this one's. changed: fields set beside it."""
    s = recipe.schedule
    if "schedule.iterations" not in changed or "schedule.warmup" in changed:
        return recipe
    return replace(recipe, schedule=replace(s, warmup=min(s.warmup, s.iterations)))


def _located(recipe: Recipe) -> Recipe:
    """With the whole path of a file of weights: a node looks for it from another folder."""
    model = recipe.model
    if not is_file(model.weights):
        return recipe
    return replace(recipe, model=replace(model, weights=os.path.abspath(model.weights)))


def _check_settings(recipe: Recipe) -> None:
    """UserError where the method refuses its settings: some do not fit each other."""
    try:
        assigners.build(recipe.assigner, 1, recipe.model.channels, **dict(recipe.settings))
    except assigners.AssignerError as error:
        raise UserError(f"Settings of {recipe.assigner}: {error}") from None


def _settings(assigner: str) -> dict[str, Setting]:
    """By dotted name. Raises UserError."""
    try:
        return settings_of(assigners.get(assigner))
    except assigners.AssignerError as error:
        raise UserError(str(error)) from None


def _resolved(in_file: dict, path: Path) -> dict:
    """The file's values over those of the recipe that it names as `like`; its paths start from the file's folder.

    data.exif is not taken over: what a public dataset's own tools do says nothing about other data.
    """
    values = {key: value for key, value in in_file.items() if key != "like"}
    data = values.get("data")
    if isinstance(data, dict) and isinstance(data.get("root"), str):
        values["data"] = data | {"root": str(path.parent / data["root"])}
    model = values.get("model")
    if isinstance(model, dict) and isinstance(model.get("weights"), str) and is_file(model["weights"]):
        values["model"] = model | {"weights": str(path.parent / model["weights"])}
    if "like" not in in_file:
        return values
    like = in_file["like"]
    names = [name for name in dataset_names() if name not in TWINS]  # a twin is drawn by its name
    if like not in names:
        raise unknown(f"recipe in {path}, like:", str(like), names)
    path = FOLDER / f"{like}.yaml"
    base = _resolved(read_yaml(path), path)
    base["data"].pop("exif", None)
    return _over(base, values)


def _over(base: dict, values: dict) -> dict:
    """`values` in place of those of `base`, group by group."""
    groups = {k: base[k] | v for k, v in values.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return base | values | groups

"""`--only axis=value`: which cells of the tables to run."""

from __future__ import annotations

from experiments.grid.entries import Spot
from experiments.recipes import recipe as recipes
from experiments.recipes.typed import scalar
from experiments.runtime.errors import UserError, unknown

AXES = {
    "table": lambda spot: spot.table,
    "row": lambda spot: spot.row.name,
    "assigner": lambda spot: spot.row.method,
    "dataset": lambda spot: spot.dataset,
    "stands_for": lambda spot: spot.stands_for,
    "seed": lambda spot: spot.seed,
    "backbone": lambda spot: spot.recipe.model.backbone if spot.recipe else None,
}


def chosen(spots: list[Spot], words: list[str]) -> list[Spot]:
    """Those that fit one of the values given for every axis; a dotted axis is a field of the recipe.

    Raises UserError for an axis that nothing has, and where nothing is left.
    """
    wanted: dict[str, list[str]] = {}
    for word in words:
        axis, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"--only takes axis=value, got '{word}'.")
        wanted.setdefault(axis, []).append(value)
    for axis, values in wanted.items():
        values = {str(scalar(value)) for value in values}
        kept = [spot for spot in spots if str(_value(spot, axis)) in values]
        if not kept:
            raise unknown(f"{axis} among these cells", ", ".join(values), sorted({str(_value(s, axis)) for s in spots}))
        spots = kept
    return spots


def _value(spot: Spot, axis: str) -> object:
    if axis in AXES:
        return AXES[axis](spot)
    group, dot, name = axis.partition(".")
    if not dot:
        raise unknown("axis of --only", axis, [*AXES, "or a field of the recipe, as schedule.batch"])
    if spot.recipe is None:
        return None
    if group == "assigner":
        return dict(spot.recipe.settings).get(name)
    values = recipes.as_dict(spot.recipe).get(group)
    if not isinstance(values, dict) or name not in values:
        raise UserError(f"--only {axis}=...: the recipe has no such field; see --print-config.")
    return values[name]

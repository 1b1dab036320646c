"""`--only axis=value`: which runs of the tables to make."""

from __future__ import annotations

from experiments.grid.entries import TableEntry
from experiments.recipes.recipe import as_dict
from experiments.recipes.yaml_text import scalar
from experiments.runtime.errors import UserError, unknown

AXES = {
    "table": lambda entry: entry.table,
    "row": lambda entry: entry.row.name,
    "assigner": lambda entry: entry.row.method,
    "dataset": lambda entry: entry.dataset,
    "stands_for": lambda entry: entry.stands_for,
    "seed": lambda entry: entry.seed,
    "backbone": lambda entry: entry.recipe.model.backbone if entry.recipe else None,
}


def filtered(entries: list[TableEntry], filters: list[str]) -> list[TableEntry]:
    """Those that fit one of the values given for every axis; a dotted axis is a field of the recipe.

    Raises UserError for an axis that no entry has, and where none is left.
    """
    accepted: dict[str, list[str]] = {}
    for text in filters:
        axis, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--only takes axis=value, got '{text}'.")
        accepted.setdefault(axis, []).append(value)
    for axis, texts in accepted.items():
        values = {str(scalar(text)) for text in texts}
        fitting = [entry for entry in entries if str(_value(entry, axis)) in values]
        if not fitting:
            names = sorted({str(_value(entry, axis)) for entry in entries})
            raise unknown(f"{axis} among these runs", ", ".join(values), names)
        entries = fitting
    return entries


def _value(entry: TableEntry, axis: str) -> object:
    if axis in AXES:
        return AXES[axis](entry)
    group, dot, name = axis.partition(".")
    if not dot:
        raise unknown("axis of --only", axis, [*AXES, "or a field of the recipe, as schedule.batch"])
    if entry.recipe is None:
        return None
    if group == "assigner":
        return dict(entry.recipe.settings).get(name)
    values = as_dict(entry.recipe).get(group)
    if not isinstance(values, dict) or name not in values:
        raise UserError(f"--only {axis}=...: the recipe has no such field; see --print-config.")
    return values[name]

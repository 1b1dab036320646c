"""What key=value words make of a recipe, as a dictionary and hashed into the names of records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from experiments.grid.matrices import Profile
from experiments.grid.search_space import without
from experiments.recipes.yaml_text import scalar
from experiments.records.files import hash_of
from experiments.records.schema import NO_EFFECT


def changes(words: Iterable[str]) -> dict[str, Any]:
    """Those key=value that may change a result; of a key that stands twice the last."""
    pairs = {key: scalar(value) for key, _, value in (word.partition("=") for word in words)}
    idle = {f"{group}.{name}" for group, names in NO_EFFECT.items() for name in names}
    return {key: value for key, value in pairs.items() if key not in idle}


def table_recipe(profile: Profile, tuned: bool, overrides: Iterable[str]) -> str:
    """Of a table. tuned: each method has the settings that the search chose for it."""
    own = [profile.methods] * bool(tuned and profile.methods) + [profile.instead] * bool(profile.instead)
    return hash_of([profile.datasets, changes(profile.set) | changes(overrides), *own])[:8]


def search_recipe(profile: Profile, overrides: Iterable[str]) -> str:
    """Of the search whose choices fit the profile's tables, made with the same --set; "" of a profile without one."""
    search = profile.search
    if search is None:
        return ""
    common = changes(without(profile.set, search.keys)) | changes(overrides)
    return hash_of([profile.datasets.get(search.dataset, ""), common, vars(search)])[:8]

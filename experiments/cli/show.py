"""`run.py --print-config` and `--explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf

import yaml

import assigners
from experiments.recipes.recipe import Recipe, plain
from experiments.recipes.settings import settings_of


def print_config(recipe: Recipe) -> None:
    """The resolved recipe as YAML; a comment beside a value says its unit and what is permitted."""
    print("\n".join(_commented(recipe)))


def _commented(recipe: Recipe) -> Iterator[str]:
    settings = settings_of(Recipe) | settings_of(assigners.get(recipe.assigner), prefix="settings.")
    notes = {name: setting.note for name, setting in settings.items()}
    group = ""
    for line in yaml.safe_dump(plain(recipe), sort_keys=False, allow_unicode=True, width=inf).splitlines():
        indent, name = re.match(r"( *)([^ :]*)", line).groups()
        group = group if indent else name
        note = notes.get(f"{group}.{name}" if indent else name)
        yield f"{line}  # {note}" if note else line


def explain(recipe: Recipe) -> None:
    """What differs between the chosen assigner's head and the reference's, and the assigner's settings."""
    from experiments.training.model import head_differences  # takes torchvision

    reference = recipe.model.reference
    print(f"{recipe.assigner} against {reference}, {recipe.model.mode} mode. All else is one recipe for both.")
    print(f"{'head':<16}{reference:>28}{recipe.assigner:>28}")
    for name, (base, value) in head_differences(recipe, reference).items():
        print(f"{name:<16}{_short(base):>28}{_short(value):>28}")
    print("settings of the assignment and its loss:")
    for name, value in recipe.settings:
        print(f"  {name:<20} {value}")


def _short(value: object) -> str:
    """A number short, a list of numbers in a row."""
    return " ".join(f"{v:g}" for v in value) if isinstance(value, (list, tuple)) else str(value)
